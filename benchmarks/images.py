"""What do threads bring to a job that waits for the web? ``web.download_images``,
one by one and eight at once.

    .venv/bin/python -m benchmarks.images

A server of this machine takes 200 ms for each of 91 images, as far away servers do. Both ways take
turns in every round: one job each, run in this process,
from the first fetch to the last file saved.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from ipaddress import ip_network
from pathlib import Path
from statistics import median
from typing import Any

from PIL import Image

from benchmarks.measuring.spread import spread
from flask_api.jobs.tasks.inline import InlineReporter, run_inline
from flask_api.tasks.web.images import download_images
from shared.settings import ROOT, ApiSettings

_SIDE = 256


def main() -> int:
    """Run the benchmark that the command line asks for."""
    options = _parse()
    rounds = []
    with _slow_images(options.latency_ms) as port:
        urls = [f"http://127.0.0.1:{port}/{number}.png" for number in range(options.images)]
        for number in range(options.rounds):
            order = (1, options.threads) if number % 2 else (options.threads, 1)
            rounds.append({str(threads): _download(urls, threads) for threads in order})
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
    result = figures(rounds, threads=str(options.threads))
    print(json.dumps(result, indent=2) if options.json else table(result, options))
    return 0


def _download(urls: Sequence[str], threads: int) -> float:
    """Return the seconds that one job takes; all of its images must have been saved."""
    settings = ApiSettings.model_construct(
        web_allowed_networks=(ip_network("127.0.0.1/32"),), web_host_connections=threads
    )
    reporter = InlineReporter()
    began = time.perf_counter()
    result = run_inline(
        download_images,
        {"urls": urls, "concurrency": threads},
        settings=settings,
        reporter=reporter,
    )
    elapsed_s = time.perf_counter() - began
    if result["saved"] != len(urls) or len(reporter.files) != len(urls):
        raise RuntimeError(f"not all images were saved: {result['saved']} of {len(urls)}")
    return elapsed_s


def figures(rounds: list[dict[str, float]], *, threads: str) -> dict[str, Any]:
    """Return median times, and how many times as fast the threads were in the same round."""
    ratios = [one["1"] / one[threads] for one in rounds]
    return {
        "one_by_one_s": median(one["1"] for one in rounds),
        "threads_s": median(one[threads] for one in rounds),
        "ratio": spread(ratios),
        "rounds": rounds,
    }


def table(result: dict[str, Any], options: argparse.Namespace) -> str:
    """Return the figures for a person to read."""
    ratio = result["ratio"]
    return "\n".join(
        (
            f"{options.images} images of {options.latency_ms} ms, seconds (median of "
            f"{options.rounds} rounds)",
            f"  one by one        {result['one_by_one_s']:6.2f}",
            f"  {f'{options.threads} threads':<18}{result['threads_s']:6.2f}",
            f"  {ratio['median']:.1f} times as fast (rounds: {ratio['min']:.1f} to "
            f"{ratio['max']:.1f})",
        )
    )


@contextmanager
def _slow_images(latency_ms: int) -> Iterator[int]:
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as folder:
        page = Path(folder) / "image.png"
        page.write_bytes(_image())
        command = [
            sys.executable,
            "-m",
            "benchmarks.children.slow_pages",
            str(latency_ms),
            str(page),
        ]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()
            process.wait()
            process.stdout.close()


def _image() -> bytes:
    """Return a picture of some 100 kB, as on a web page."""
    file = BytesIO()
    Image.effect_noise((_SIDE, _SIDE), 64).convert("RGB").save(file, "PNG")
    return file.getvalue()


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.images", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument(
        "--rounds", type=int, default=3, help="how often both take turns (default: 3)"
    )
    parser.add_argument("--images", type=int, default=91, help="images in a job (default: 91)")
    parser.add_argument(
        "--latency-ms",
        type=int,
        default=200,
        help="time that the server takes for one (default: 200)",
    )
    parser.add_argument("--threads", type=int, default=8, help="images at once (default: 8)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
