"""What does knowing who is logged in cost? Our gate, Django's login_required,
and Flask-Login with Flask-Session.

    .venv/bin/python -m benchmarks.gate

Same server, same Redis, one load at a time, in rounds that take turns so that the machine's noise
meets all alike. Every application answers the same JSON behind its gate and without it. The ungated
twin is asked as by a visitor with no cookie, because Flask-Session reads the session before any
view: the difference is the whole cost of knowing who asks.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from benchmarks.measuring.answers import LOAD_CORE, pin
from benchmarks.measuring.contenders import (
    CONTENDERS,
    OURS,
    Contender,
    Measure,
    by_calls,
    by_http,
    seed,
)
from benchmarks.measuring.context import Context
from benchmarks.measuring.figures import GATED, OPEN, Round, figures, table
from benchmarks.measuring.gate_parts import where
from benchmarks.measuring.turns import turns_parser
from deploy.redis.users import new_passwords
from deploy.redis.valkey import EmbeddedValkey


def main() -> int:
    """Run the benchmark that the command line asks for."""
    options = _parse()
    contenders = tuple(each for each in CONTENDERS if each == OURS or each.name in options.peers)
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as name:
        folder = Path(name)
        with EmbeddedValkey(folder / "valkey", passwords=new_passwords()) as valkey:
            pin(LOAD_CORE, valkey.pid or 0)
            context_file = Context.of(folder, valkey).save()
            if options.where:
                print(
                    where(
                        context_file,
                        seed((OURS,), context_file)[OURS.module],
                        requests=options.requests,
                    )
                )
                return 0
            result = _compare(contenders, context_file, options)
    print(json.dumps(result, indent=2) if options.json else table(result))
    return 0


def _compare(
    contenders: tuple[Contender, ...], context_file: Path, options: argparse.Namespace
) -> dict[str, object]:
    cookies = seed(contenders, context_file)
    running = (
        by_calls(contenders, context_file)
        if options.no_http
        else by_http(
            contenders, context_file, connections=options.connections, threads=options.threads
        )
    )
    rounds: list[Round] = []
    highest_load_share = 0.0
    with running as measure:
        # applications load on their first request
        _round(contenders, measure, cookies, seconds=0.2)
        for number in range(options.rounds):
            turn = number % len(contenders)
            one, load_share = _round(
                contenders[turn:] + contenders[:turn], measure, cookies, seconds=options.seconds
            )
            rounds.append(one)
            highest_load_share = max(highest_load_share, load_share)
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
    return figures(rounds, contenders, load_share=highest_load_share)


def _round(
    contenders: tuple[Contender, ...], measure: Measure, cookies: dict[str, str], *, seconds: float
) -> tuple[Round, float]:
    """Let every contender have its turn; return requests per second,
    and the load's highest share of its core."""
    one: Round = {each.name: {} for each in contenders}
    highest_load_share = 0.0
    for path in (GATED, OPEN):
        for each in contenders:
            cookie = cookies[each.module] if path == GATED else ""
            answer = measure(each, path=path, cookie=cookie, seconds=seconds)
            one[each.name][path] = answer["requests"] / answer["elapsed_s"]
            highest_load_share = max(highest_load_share, answer["load_share"])
    return one, highest_load_share


def _parse() -> argparse.Namespace:
    parser = turns_parser("gate", __doc__, seconds=0.5, rounds=25)
    names = [each.name for each in CONTENDERS if each != OURS]
    parser.add_argument(
        "--peers",
        nargs="+",
        choices=names,
        default=names,
        help="with whom to compare (default: all)",
    )
    _add_ways(parser)
    return parser.parse_args()


def _add_ways(parser: argparse.ArgumentParser) -> None:
    """Add what is measured in place of the usual comparison."""
    parser.add_argument(
        "--no-http",
        action="store_true",
        help="call the applications directly: the ratio without a server's share",
    )
    parser.add_argument(
        "--where",
        action="store_true",
        help="where the time of our gate goes, instead of a comparison",
    )
    parser.add_argument(
        "--requests",
        type=int,
        default=5000,
        help="requests that --where counts over (default: 5000)",
    )


if __name__ == "__main__":
    sys.exit(main())
