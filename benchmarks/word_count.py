"""How much do two processes help ``text.word_count``?

The text is made from a fixed seed; how often its words come falls off as in a language.
Rounds take turns, the best counts.
"""

import argparse
import random
import tempfile
import time
from pathlib import Path

from flask_api.jobs.tasks.inline import run_inline
from flask_api.tasks.text import word_count
from shared.settings import ApiSettings

VOCABULARY = 50_000
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def write_text(path: Path, size: int) -> None:
    """Write a text of about this many bytes."""
    draw = random.Random(7)  # noqa: S311  # the same text each time
    words = ["".join(draw.choices(_LETTERS, k=draw.randint(2, 10))) for _ in range(VOCABULARY)]
    with path.open("w") as text:
        while text.tell() < size:
            picked = (
                words[min(int(draw.paretovariate(0.6)) - 1, VOCABULARY - 1)] for _ in range(100_000)
            )
            text.write(" ".join(picked) + "\n")


def measure(path: Path, processes: int) -> float:
    """Return how many seconds one count takes."""
    settings = ApiSettings.model_construct(job_processes=processes)
    begun = time.perf_counter()
    run_inline(word_count, {"file": path, "processes": processes}, settings=settings)
    return time.perf_counter() - begun


def main() -> None:
    """Measure and print."""
    options = _parse()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "text.txt"
        write_text(path, options.megabytes * 1_000_000)
        taken = [(measure(path, 1), measure(path, 2)) for _ in range(options.rounds)]
    one, two = (min(column) for column in zip(*taken, strict=True))
    print(
        f"{options.megabytes} MB: {one:.2f} s on one process, {two:.2f} s on two: "
        f"{one / two:.2f} times as fast"
    )


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.word_count", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument(
        "--megabytes", type=int, default=100, help="size of the text (default: 100)"
    )
    parser.add_argument(
        "--rounds", type=int, default=5, help="how often both take turns (default: 5)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
