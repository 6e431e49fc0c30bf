"""The options of benchmarks in which servers take turns to be asked."""

import argparse


def turns_parser(
    name: str, document: str | None, *, seconds: float, rounds: int
) -> argparse.ArgumentParser:
    """Return the parser of ``python -m benchmarks.<name>``; its help begins with the first
    paragraph of the module's document."""
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{name}", description=(document or "").split("\n\n")[0]
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=seconds,
        help="time of each measurement; short ones in many rounds cancel noise best "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--rounds", type=int, default=rounds, help="how often all take turns (default: %(default)s)"
    )
    parser.add_argument(
        "--connections", type=int, default=4, help="requests under way at once (default: 4)"
    )
    parser.add_argument(
        "--threads", type=int, default=4, help="threads of each server (default: 4)"
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    return parser
