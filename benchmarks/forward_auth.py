"""What does a request cost that a proxy asks about? ``/api/auth`` against our gate alone.

    .venv/bin/python -m benchmarks.forward_auth

The same person, server and Redis, in rounds that take turns: a view behind ``login_required`` in
somebody's own Flask application, which is the gate's own rate; ``/api/me`` of the whole API; and
``/api/auth`` as a proxy asks it, which says who it is in headers.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from benchmarks.measuring.answers import LOAD_CORE, pin
from benchmarks.measuring.contenders import OURS, Contender, by_http, seed
from benchmarks.measuring.context import Context
from benchmarks.measuring.figures import GATED
from benchmarks.measuring.spread import spread
from benchmarks.measuring.turns import turns_parser
from deploy.redis.users import new_passwords
from deploy.redis.valkey import EmbeddedValkey

API = Contender("gatehouse-api", "benchmarks.peers.submit.gatehouse")
GATE = "login_required"
# By its name: which application is asked for what.
ASKED = {
    GATE: (OURS, GATED),
    "/api/me": (API, "/api/me"),
    "/api/auth": (API, "/api/auth?redirect=never"),
}
# As docs/forward-auth.md has nginx say what its client wants.
PROXIED = {
    "X-Forwarded-Method": "GET",
    "X-Forwarded-Host": "127.0.0.1",
    "X-Forwarded-Uri": "/reports/7?page=2",
}


def main() -> int:
    """Run the benchmark that the command line asks for."""
    options = _parse()
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as name:
        folder = Path(name)
        with EmbeddedValkey(folder / "valkey", passwords=new_passwords()) as valkey:
            pin(LOAD_CORE, valkey.pid or 0)
            rounds = _compare(Context.of(folder, valkey).save(), options)
    result = {
        "requests_per_s": {name: spread([one[name] for one in rounds]) for name in ASKED},
        "of_the_gate": {name: spread([one[name] / one[GATE] for one in rounds]) for name in ASKED},
    }
    print(json.dumps(result, indent=2) if options.json else _table(result))
    return 0


def _compare(context_file: Path, options: argparse.Namespace) -> list[dict[str, float]]:
    """Return the requests per second of each round."""
    cookie = seed((API,), context_file)[API.module]  # of one site, so it is good for both
    rounds = []
    running = by_http(
        (OURS, API), context_file, connections=options.connections, threads=options.threads
    )
    with running as measure:
        for number in range(-1, options.rounds):  # the first loads the applications
            one = {}
            turn = number % len(ASKED)
            for name in [*ASKED][turn:] + [*ASKED][:turn]:
                contender, path = ASKED[name]
                seconds = options.seconds if number >= 0 else 0.2
                answer = measure(
                    contender, path=path, cookie=cookie, seconds=seconds, headers=PROXIED
                )
                one[name] = answer["requests"] / answer["elapsed_s"]
            if number >= 0:
                rounds.append(one)
    return rounds


def _table(result: dict[str, dict[str, dict[str, float]]]) -> str:
    """Return the figures for a person to read."""
    lines = [f"{'':<18}{'requests/s':>11}   of the gate's own rate (rounds)"]
    for name, rate in result["requests_per_s"].items():
        share = result["of_the_gate"][name]
        lines.append(
            f"{name:<18}{rate['median']:>11.0f}   {share['median']:.2f} "
            f"({share['min']:.2f} to {share['max']:.2f})"
        )
    return "\n".join(lines)


def _parse() -> argparse.Namespace:
    return turns_parser("forward_auth", __doc__, seconds=0.5, rounds=25).parse_args()


if __name__ == "__main__":
    sys.exit(main())
