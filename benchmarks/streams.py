"""What do those who wait cost the other requests? One real server with default settings,
with nobody waiting and with thousands of event streams, or of long-polls.

    .venv/bin/python -m benchmarks.streams [--waiting long-polls] [--people 1]

In every round ``/api/me`` is asked with nobody waiting, then with all of them, as many of each person
as the settings allow. Events of one person are timed until the last who waits for it has it.
"""

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from benchmarks.measuring.answers import LOAD_CORE, SERVER_CORE, AnsweringChild, pin
from benchmarks.measuring.contenders import ROOT
from benchmarks.measuring.context import Context
from benchmarks.measuring.crowd import LONG_POLLS, STREAMS, WAIT_S, Crowd
from deploy.redis.users import new_passwords
from deploy.redis.valkey import EmbeddedValkey
from shared.settings import ApiSettings

COMMANDS = {
    "cherrypy": [sys.executable, "wsgi.py"],
    "gunicorn": [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:application"],
}
EACH = int(ApiSettings.model_fields["max_parked_person"].default)
_START_TIMEOUT_S, _STOP_TIMEOUT_S = 60.0, 30.0
_AT_ONCE = 32  # more than a server has threads


@cache
def _port() -> int:
    """Return one free port for this run: a fixed one may be somebody else's server,
    which answers 401."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def main() -> int:
    """Run the benchmark that the command line asks for."""
    options = _parse()
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as name:
        folder = Path(name)
        with EmbeddedValkey(folder / "valkey", passwords=new_passwords()) as valkey:
            pin(LOAD_CORE, valkey.pid or 0)
            result = _measure(Context.of(folder, valkey), options)
    print(json.dumps(result, indent=2) if options.json else table(result))
    return 0


def _measure(context: Context, options: argparse.Namespace) -> dict[str, Any]:
    environment = _environment(context, options)
    count = options.people or max(1, options.followers // EACH)
    command = [sys.executable, "-m", "benchmarks.children.stream_people", str(count)]
    made = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE)
    people = json.loads(made.stdout)
    me = {
        "path": "/api/me",
        "port": _port(),
        "cookie": people[0]["cookie"],
        "connections": options.connections,
        "seconds": options.seconds,
    }
    with (
        _server(options.server, environment) as pid,
        AnsweringChild("benchmarks.children.stream_latency") as latency,
        AnsweringChild("benchmarks.children.stream_followers") as followers,
    ):
        # The first requests load what the others find loaded, and start all threads of the pool.
        latency.ask(**{**me, "seconds": 1.0, "connections": _AT_ONCE})
        crowd = Crowd(
            followers,
            people,
            kind=options.waiting,
            count=options.followers,
            port=_port(),
            redis_url=context.peer_redis_url,
        )
        rounds = [_round(latency, me, crowd, pid, options.events) for _ in range(options.rounds)]
    kinds = {name: getattr(options, name) for name in ("server", "waiting", "followers")}
    return {**kinds, "of_each": crowd.of_each, "rounds": rounds}


def _round(
    latency: AnsweringChild, me: dict[str, Any], crowd: Crowd, pid: int, events: int
) -> dict[str, Any]:
    empty, before = latency.ask(**me), _usage(pid)
    crowd.open()
    crowded, during = latency.ask(**me), _usage(pid)
    told_ms = crowd.tell_one(times=events)
    crowd.close()
    print(f"p99 {empty['p99_ms']:.1f} ms, with the crowd {crowded['p99_ms']:.1f}", file=sys.stderr)
    return {
        "empty": empty,
        "crowded": crowded,
        "each_kb": (during["kb"] - before["kb"]) / crowd.count,
        "threads": during["threads"] - before["threads"],
        "told_ms": told_ms,
    }


def _usage(pid: int) -> dict[str, int]:
    """Return the resident memory and the threads of the process that serves."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    status = max(
        (Path(f"/proc/{each}/status").read_text() for each in (pid, *children)),
        key=lambda text: _of(text, "VmRSS"),
    )
    return {"kb": _of(status, "VmRSS"), "threads": _of(status, "Threads")}


def _of(status: str, name: str) -> int:
    return int(status.split(f"{name}:")[1].split(maxsplit=1)[0])


def table(result: dict[str, Any]) -> str:
    """Return the figures for a person to read."""
    rounds = result["rounds"]
    crowd = f"{result['followers']} {result['waiting']}"
    lines = [
        f"{result['server']}, /api/me, median of {len(rounds)} rounds   requests/s      p50      p99"
    ]
    for way, name in (("empty", "nobody waits"), ("crowded", crowd)):
        p50, p99 = (median(one[way][key] for one in rounds) for key in ("p50_ms", "p99_ms"))
        per_s = median(one[way]["requests"] / one[way]["seconds"] for one in rounds)
        lines.append(f"{name:<44}{per_s:>10.0f}{p50:>6.2f} ms{p99:>6.2f} ms")
    ratios = [one["crowded"]["p99_ms"] / one["empty"]["p99_ms"] for one in rounds]
    told = sorted(each for one in rounds for each in one["told_ms"])
    lines += [
        f"p99 with / without: {median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
        f"an event reached all {result['of_each']} {result['waiting']} of its person after "
        f"{median(told):.1f} ms, p99 {told[int(len(told) * 0.99)]:.1f} ms",
        # Of the first round: later ones find the memory that it left.
        f"each costs {rounds[0]['each_kb']:.1f} kB of resident memory; "
        f"threads above idle: {max(one['threads'] for one in rounds)}",
    ]
    return "\n".join(lines)


@contextmanager
def _server(name: str, environment: dict[str, str]) -> Iterator[int]:
    process = subprocess.Popen(COMMANDS[name], cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    pin(SERVER_CORE, process.pid)
    deadline = time.monotonic() + _START_TIMEOUT_S
    try:
        while not _is_live():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the server did not start")
            time.sleep(0.1)
        yield process.pid
    finally:
        process.terminate()
        process.wait(_STOP_TIMEOUT_S)


def _is_live() -> bool:
    try:
        return (
            httpx.get(
                f"http://127.0.0.1:{_port()}/api/health/live", trust_env=False, timeout=1
            ).status_code
            == 200
        )
    except httpx.TransportError:
        return False


def _environment(context: Context, options: argparse.Namespace) -> dict[str, str]:
    """Return the server's environment: one process, else default settings, but for how long one may
    wait, and how many of one person where these are asked for."""
    of_each = -(-options.followers // options.people) if options.people else 0
    return context.environment(
        port=str(_port()),
        server_workers="1",
        max_wait_s=str(WAIT_S),
        max_parked_person=str(max(EACH, of_each)),
    )


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.streams", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument(
        "--server", choices=COMMANDS, default="cherrypy", help="which server (default: cherrypy)"
    )
    parser.add_argument(
        "--rounds", type=int, default=5, help="how often both are measured (default: 5)"
    )
    parser.add_argument(
        "--seconds", type=float, default=5.0, help="length of each measurement (default: 5)"
    )
    parser.add_argument(
        "--connections", type=int, default=4, help="connections that ask /api/me (default: 4)"
    )
    parser.add_argument(
        "--followers", type=int, default=10_000, help="how many wait at once (default: 10000)"
    )
    parser.add_argument(
        "--waiting",
        choices=(STREAMS, LONG_POLLS),
        default=STREAMS,
        help="in what they wait (default: streams)",
    )
    parser.add_argument(
        "--people",
        type=int,
        default=0,
        help="how many people they are; 1: all follow one (default: as few as the settings allow)",
    )
    parser.add_argument(
        "--events", type=int, default=50, help="events that are timed (default: 50)"
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
