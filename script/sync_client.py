#!/usr/bin/env python3
"""Write the client's synchronous half, which is the asynchronous one without ``await``.

    .venv/bin/python script/sync_client.py            after each change of an asynchronous module
    .venv/bin/python script/sync_client.py --check    exit with 1 if a synchronous one is stale

What differs between the halves beyond the words of WORDS belongs in a module that both import.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Asynchronous module, synchronous module, and the first line of its docstring.
HALVES = (
    (
        "gatehouse/async_client.py",
        "gatehouse/client.py",
        "The client: submit jobs, wait for them, read their results.",
    ),
    (
        "gatehouse/async_handles.py",
        "gatehouse/handles.py",
        "A job, a shared one, and a batch: each holds what was read last; methods ask the service.",
    ),
    (
        "gatehouse/transport/async_connection.py",
        "gatehouse/transport/connection.py",
        "The way to one service with one key: runs flows and followers over httpx.",
    ),
)
WORDS = (
    (r"Of one event loop\.", "Thread-safe."),
    (r"an ``async with``", "a ``with``"),
    (r"async (def|with|for)\b", r"\1"),
    (r"await ", ""),
    (r"AsyncGenerator\[(\w+), None\]", r"Generator[\1, None, None]"),
    (r"Async([A-Z]\w+)", r"\1"),
    (r"__a(enter|exit)__", r"__\1__"),
    (r"asynccontextmanager", "contextmanager"),
    (r"a(close|iter_\w+)\(", r"\1("),
    (r"asyncio", "time"),  # both have a sleep
    (r"async_(\w+)", r"\1"),
)
LEFT_OVER = re.compile(r"\w*(?:async|await)\w*", re.IGNORECASE)
DOCSTRING = re.compile(r'\A""".*?"""\n', re.DOTALL)
RUFF = (sys.executable, "-m", "ruff")


def synchronous(text: str, *, source: str, target: str, summary: str) -> str:
    """Return the synchronous module that mirrors an asynchronous one.
    Raises ValueError for an asynchronous word that WORDS has no rule for."""
    body = DOCSTRING.sub("", text)
    for pattern, replacement in WORDS:
        body = re.sub(rf"\b{pattern}", replacement, body)
    left_over = LEFT_OVER.findall(body)
    if left_over:
        raise ValueError(f"{source}: no rule for {', '.join(sorted(set(left_over)))}")
    header = (
        f'"""{summary}\n\nMade from {source} by script/{Path(__file__).name}: change that one."""\n'
    )
    # Shorter names sort and break in other places.
    tidy = ("check", "--quiet", "--fix", "--unsafe-fixes", "--select", "I,C416")
    return _ruff(
        "format", "--quiet", text=_ruff(*tidy, text=header + body, name=target), name=target
    )


def _ruff(*words: str, text: str, name: str) -> str:
    command = [*RUFF, *words, "--stdin-filename", name, "-"]
    return subprocess.run(
        command, input=text, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT
    ).stdout


def main() -> int:
    """Write the synchronous modules, or with ``--check`` name those that are stale."""
    only_checks = sys.argv[1:] == ["--check"]
    stale = 0
    for source, target, summary in HALVES:
        wanted = synchronous(
            (ROOT / source).read_text(), source=source, target=target, summary=summary
        )
        if (ROOT / target).exists() and (ROOT / target).read_text() == wanted:
            continue
        stale += 1
        if only_checks:
            sys.stdout.write(f"{target} is not what {source} makes: run script/sync_client.py\n")
        else:
            (ROOT / target).write_text(wanted)
    return 1 if only_checks and stale else 0


if __name__ == "__main__":
    sys.exit(main())
