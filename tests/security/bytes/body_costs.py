"""Send the worst bodies to the API and print what each cost:
run in a process of its own, whose memory nothing else uses.

One line of JSON for each: the endpoint, the body's shape, the status,
processor seconds and the growth of memory in bytes.
"""

import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

from flask.testing import FlaskClient

from flask_api.testing import running_api, with_key
from shared.settings import ApiSettings, load_settings

MB = 1 << 20
BATCH = b'{"task": "body.large", "arguments": '
JOB = b'{"task": "body.large", "arguments": {"%s": '

Shape = Callable[[int], bytes]

OF_A_BATCH: dict[str, Shape] = {
    "as many texts as are read, in one set": lambda size: (
        BATCH + b'[{"numbers": [' + b",".join(b'"%d"' % n for n in range(100_000)) + b"]}]}"
    ),
    "as many names as are read, in sets": lambda size: (
        BATCH
        + b"["
        + b",".join(b"{" + b",".join(b'"%d":0' % n for n in range(60)) + b"}" for _ in range(4_000))
        + b"]}"
    ),
    "as many values as are read, in one set": lambda size: (
        BATCH + b'[{"numbers": [' + b"[]," * 124_000 + b"[]]}]}"
    ),
    "zeros": lambda size: BATCH + b"[" + b"0," * (size // 2) + b"0]}",
    "empty lists": lambda size: BATCH + b"[" + b"[]," * (size // 3) + b"[]]}",
    "empty objects": lambda size: BATCH + b"[" + b"{}," * (size // 3) + b"{}]}",
    "small wrong sets": lambda size: BATCH + b"[" + b'{"x":0},' * (size // 8) + b"{}]}",
    "most sets of the most values": lambda size: (
        BATCH
        + b"["
        + b",".join(
            [b'{"numbers": [' + b"[]," * 9 + b'"' + b"x" * (size // 10_000 - 200) + b'"]}'] * 9_900
        )
        + b"]}"
    ),
    "empty lists in one set": lambda size: (
        BATCH + b'[{"grid": [' + b"[]," * (size // 3) + b"[]]}]}"
    ),
    "names in one set": lambda size: (
        BATCH + b"[{" + b",".join(b'"%d":0' % n for n in range(size // 11)) + b"}]}"
    ),
    "one name for ever": lambda size: BATCH + b"[{" + b'"a":0,' * (size // 6) + b'"a":0}]}',
    "deep lists": lambda size: b"[" * size,
    "deep objects": lambda size: BATCH + b'[{"a":' + b'{"a":' * (size // 5),
    "a text": lambda size: BATCH + b'[{"grid": "' + b"a" * size + b'"}]}',
    "a text beyond the first plane": lambda size: (
        BATCH + b'[{"grid": "' + b"\xf0\x9f\x98\x80" + b"a" * size + b'"}]}'
    ),
    "texts beyond the first plane": lambda size: (
        BATCH
        + b'[{"grid": ['
        + (b'"\xf0\x9f\x98\x80' + b"a" * 400_000 + b'",') * (size // 400_000)
        + b"0]}]}"
    ),
    "escaped marks": lambda size: BATCH + b'[{"grid": "' + b'\\"' * (size // 2) + b'"}]}',
    "escaped backslashes": lambda size: BATCH + b'[{"grid": "' + b"\\\\" * (size // 2) + b'"}]}',
    "unicode escapes": lambda size: (
        BATCH + b'[{"grid": "' + b"\\ud83d\\ude00" * (size // 12) + b'"}]}'
    ),
    "quotation marks": lambda size: BATCH + b"[" + b'"",' * (size // 3) + b'""]}',
    "an open text": lambda size: BATCH + b'[{"grid": "' + b'\\"' * (size // 2),
    "a long number": lambda size: BATCH + b'[{"grid": ' + b"9" * size + b"}]}",
    "long numbers": lambda size: (
        BATCH + b'[{"grid": [' + (b"9" * 4300 + b",") * (size // 4301) + b"0]}]}"
    ),
    "long fractions": lambda size: (
        BATCH + b'[{"grid": [' + (b"0." + b"9" * 4200 + b",") * (size // 4203) + b"0]}]}"
    ),
    "blanks": lambda size: b" " * size,
    "no UTF-8": lambda size: BATCH + b'[{"grid": "' + b"\xff" * size + b'"}]}',
    "bytes": lambda size: b"\x00\xff\x7f[" * (size // 4),
    "a wrong member": lambda size: (
        b'{"task": "body.large", "arguments": [{}], "extra": "' + b"a" * size + b'"}'
    ),
    "wrong members": lambda size: b"{" + b",".join(b'"%d":0' % n for n in range(size // 11)) + b"}",
}
OF_A_JOB: dict[str, Shape] = {
    "wrong items": lambda size: JOB % b"numbers" + b"[" + b'"",' * (size // 3 - 30) + b"0]}}",
    "wrong items in lists": lambda size: (
        JOB % b"grid" + b"[" + b"[{}]," * (size // 5 - 30) + b"0]}}"
    ),
    "one long list of wrong items": lambda size: (
        JOB % b"grid" + b"[[" + b"{}," * (size // 3 - 30) + b"0]]}}"
    ),
    "wrong values": lambda size: (
        JOB % b"named" + b"{" + b",".join(b'"%d":""' % n for n in range(size // 12)) + b"}}}"
    ),
    "unknown members of a part": lambda size: (
        JOB % b"part" + b"{" + b",".join(b'"%d":0' % n for n in range(size // 11)) + b"}}}"
    ),
    "unknown arguments": lambda size: (
        JOB % b"x" + b"0," + b",".join(b'"%d":0' % n for n in range(size // 11)) + b"}}"
    ),
    "unknown members": lambda size: (
        b"{" + b",".join(b'"%d":0' % n for n in range(size // 11)) + b"}"
    ),
    "items of neither kind": lambda size: (
        JOB % b"either" + b"[" + b'"",' * (size // 3 - 30) + b"0]}}"
    ),
    "empty lists": lambda size: JOB % b"numbers" + b"[" + b"[]," * (size // 3 - 30) + b"0]}}",
}


def main() -> None:
    """Measure every shape, each once."""
    settings = load_settings(ApiSettings).model_copy(update={"redis_timeout_ms": 1000})
    with (
        running_api(settings, task_modules=("tests.security.bytes.body_tasks",)) as app,
        with_key(app, writer_url=sys.argv[1]) as client,
    ):
        for _ in range(2):  # what is made once is not what a body costs
            _cost(client, "/jobs", OF_A_JOB["wrong items"](100_000))
            _cost(client, "/batches", OF_A_BATCH["small wrong sets"](100_000))
        for path, shape, body in _bodies(settings):
            cost = {"path": path, "shape": shape, "size": len(body), **_cost(client, path, body)}
            sys.stdout.write(f"{json.dumps(cost)}\n")


def _bodies(settings: ApiSettings) -> Iterator[tuple[str, str, bytes]]:
    for shape, make in OF_A_BATCH.items():
        yield (
            "/batches",
            shape,
            make(settings.batch_body_max_bytes - 200)[: settings.batch_body_max_bytes - 1],
        )
    for shape, make in OF_A_JOB.items():
        yield "/jobs", shape, make(settings.max_body_bytes - 200)[: settings.max_body_bytes - 1]


def _cost(client: FlaskClient, path: str, body: bytes) -> dict[str, float]:
    stream = BytesIO(body)
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before, begun = _memory("VmRSS"), time.process_time()
    answer = client.post(
        path,
        input_stream=stream,
        content_type="application/json",
        headers={"Content-Length": str(len(body))},
    )
    cpu_s = time.process_time() - begun
    return {
        "status": answer.status_code,
        "cpu_s": cpu_s,
        "memory": _memory("VmHWM") - before,
        "answer": len(answer.data),
    }


def _memory(name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


if __name__ == "__main__":
    main()
