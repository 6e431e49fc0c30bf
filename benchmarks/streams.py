"""What do event streams cost the other requests? One real server with default settings,
its places empty and full.

    .venv/bin/python -m benchmarks.streams

In every round ``/api/me`` is asked with no stream open, then with every place taken and events on
all streams. At last far more want to follow than there are places:
they are told to long-poll and do so, and ``/api/me`` is asked all the while.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from benchmarks.answers import LOAD_CORE, SERVER_CORE, AnsweringChild, pin
from benchmarks.contenders import ROOT
from benchmarks.context import Context
from deploy.redis.users import new_passwords
from deploy.redis.valkey import EmbeddedValkey
from shared.settings import ApiSettings

COMMANDS = {
    "cherrypy": [sys.executable, "wsgi.py"],
    "gunicorn": [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:application"],
}
PLACES = int(ApiSettings.model_fields["max_streams"].default)
_START_TIMEOUT_S, _STOP_TIMEOUT_S = 60.0, 30.0


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
    environment = _environment(context)
    command = [sys.executable, "-m", "benchmarks.stream_people", "4"]
    people = json.loads(
        subprocess.run(
            command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE
        ).stdout
    )
    me = {
        "path": "/api/me",
        "port": _port(),
        "cookie": people[0]["cookie"],
        "connections": options.connections,
    }
    followed = {
        "port": _port(),
        "people": people,
        "streams": PLACES,
        "events_per_s": options.events,
        "redis_url": context.peer_redis_url,
    }
    with (
        _server(options.server, environment),
        AnsweringChild("benchmarks.stream_latency") as latency,
        AnsweringChild("benchmarks.stream_followers") as followers,
    ):
        latency.ask(**me, seconds=1.0)  # the first requests load what the others find loaded
        rounds = [_round(latency, followers, me, followed, options) for _ in range(options.rounds)]
        crowd = _crowd(latency, followers, me, followed, options)
    return {"server": options.server, "rounds": rounds, "crowd": crowd}


def _round(
    latency: AnsweringChild,
    followers: AnsweringChild,
    me: dict[str, Any],
    followed: dict[str, Any],
    options: argparse.Namespace,
) -> dict[str, Any]:
    empty = latency.ask(**me, seconds=options.seconds)
    followers.ask(do="open", **followed)
    full = latency.ask(**me, seconds=options.seconds)
    streams = followers.ask(do="close")
    if streams["opened"] != {"200": PLACES}:
        raise RuntimeError(f"not every place was taken: {streams}")
    print(f"p99 {empty['p99_ms']:.1f} ms, with streams {full['p99_ms']:.1f} ms", file=sys.stderr)
    return {"empty": empty, "full": full, "streams": streams}


def _crowd(
    latency: AnsweringChild,
    followers: AnsweringChild,
    me: dict[str, Any],
    followed: dict[str, Any],
    options: argparse.Namespace,
) -> dict[str, Any]:
    """Let the crowd come while a job waits that they can poll for; the API is asked meanwhile."""
    headers = {"Cookie": me["cookie"], "Sec-Fetch-Site": "same-origin"}
    body = {"task": "primes.sum", "arguments": {"limit": 10}, "delay_s": 3600}
    with httpx.Client(
        base_url=f"http://127.0.0.1:{_port()}", headers=headers, trust_env=False, timeout=30
    ) as client:
        job = client.post("/api/jobs", json=body).headers["Location"]
    question = {
        **followed,
        "job": job,
        "followers": options.followers,
        "seconds": options.crowd_seconds,
    }
    with ThreadPoolExecutor(1) as beside:
        answers = beside.submit(lambda: followers.ask(do="crowd", **question))
        meanwhile = latency.ask(**me, seconds=options.crowd_seconds)
        return {"followers": options.followers, "answers": answers.result(), "me": meanwhile}


def table(result: dict[str, Any]) -> str:
    """Return the figures for a person to read."""
    rounds, crowd = result["rounds"], result["crowd"]
    ratios = [one["full"]["p99_ms"] / one["empty"]["p99_ms"] for one in rounds]
    lines = [
        f"{result['server']}, /api/me, median of {len(rounds)} rounds   requests/s      p50   "
        "   p99"
    ]
    seconds = {way: [one[way] for one in rounds] for way in ("empty", "full")}
    for way, name in (
        ("empty", "no stream"),
        ("full", f"{PLACES} streams, {rounds[0]['streams']['read']} events read"),
    ):
        p50, p99 = (median(one[key] for one in seconds[way]) for key in ("p50_ms", "p99_ms"))
        requests = median(one["requests"] / one["seconds"] for one in seconds[way])
        lines.append(f"{name:<44}{requests:>10.0f}{p50:>6.2f} ms{p99:>6.2f} ms")
    lines.append(
        f"p99 with full places / without: {median(ratios):.2f} ({min(ratios):.2f} to "
        f"{max(ratios):.2f})"
    )
    answers = ", ".join(f"{name}: {count}" for name, count in sorted(crowd["answers"].items()))
    lines.append(f"{crowd['followers']} followers at once: {answers}")
    lines.append(
        f"/api/me meanwhile: {crowd['me']['requests']} answers, p99 "
        f"{crowd['me']['p99_ms']:.1f} ms, all of them 200"
    )
    return "\n".join(lines)


@contextmanager
def _server(name: str, environment: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen(COMMANDS[name], cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    pin(SERVER_CORE, process.pid)
    deadline = time.monotonic() + _START_TIMEOUT_S
    try:
        while not _is_live():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the server did not start")
            time.sleep(0.1)
        yield
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


def _environment(context: Context) -> dict[str, str]:
    """Return the server's environment: one process, else default settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GATEHOUSE_")}
    return {
        **kept,
        "GATEHOUSE_VAR_DIR": context.folder,
        "GATEHOUSE_SESSION_SECRETS": context.session_secret,
        "GATEHOUSE_SECRET_KEY": context.secret_key,
        "GATEHOUSE_SITE_REDIS_URL": context.site_redis_url,
        "GATEHOUSE_API_REDIS_URL": context.api_redis_url,
        "GATEHOUSE_PORT": str(_port()),
        "GATEHOUSE_SERVER_WORKERS": "1",
    }


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
        "--events",
        type=int,
        default=200,
        help="events a second over all followed people (default: 200)",
    )
    parser.add_argument(
        "--followers", type=int, default=500, help="who want to follow at last (default: 500)"
    )
    parser.add_argument(
        "--crowd-seconds", type=float, default=15.0, help="how long they try (default: 15)"
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
