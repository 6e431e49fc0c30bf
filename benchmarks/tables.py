"""How fast and in how much memory is a table parsed,
compared with the library that does the reading?

A table of a million rows and ten columns (integers, decimals, dates, times, flags, texts) is read
by ``tables.parse`` and by DuckDB alone with its defaults: read_csv into a Parquet file, then
SUMMARIZE of that. Ours also finds out the encoding, keeps the rows, and makes a histogram for each
column of numbers; its threads are fewer and its memory is bounded. Each run is a fresh process,
both take turns, the time is of the work without the start of Python,
the memory is the process's peak (VmHWM).
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.measuring.contenders import ROOT
from benchmarks.measuring.spread import spread

_TOWNS = ("Berlin", "Paris", "Köln", "Zürich", "New York", "São Paulo")
_PEAK = (
    "next(int(line.split()[1]) for line in open('/proc/self/status') if line.startswith('VmHWM')) "
    "/ 1000"
)
_OURS = f"""
import json, sys, time
from pathlib import Path
from flask_api.jobs.tasks.inline import InlineReporter, run_inline
from flask_api.tasks.tables.parse import parse_table

class Kept(InlineReporter):
    def save_file(self, name, source):
        if isinstance(source, Path):
            source.rename(sys.argv[2])

began = time.perf_counter()
result = run_inline(parse_table, {{"file": Path(sys.argv[1])}}, reporter=Kept())
print(json.dumps({{"s": time.perf_counter() - began, "mb": {_PEAK}, "rows": result["rows"]}}))
"""
_DUCKDB = f"""
import json, sys, time
import duckdb

began = time.perf_counter()
connection = duckdb.connect()
connection.execute(f"COPY (SELECT * FROM read_csv('{{sys.argv[1]}}')) TO '{{sys.argv[2]}}' (FORMAT parquet)")
connection.execute(f"SUMMARIZE SELECT * FROM read_parquet('{{sys.argv[2]}}')").fetchall()
elapsed_s = time.perf_counter() - began
((rows,),) = connection.execute(f"SELECT count(*) FROM read_parquet('{{sys.argv[2]}}')").fetchall()
print(json.dumps({{"s": elapsed_s, "mb": {_PEAK}, "rows": rows}}))
"""  # noqa: S608  # paths of our own
_WAYS = {"duckdb": _DUCKDB, "ours": _OURS}


def main() -> int:
    """Run the benchmark that the command line asks for."""
    options = _parse()
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as name:
        table_path = Path(name) / "table.csv"
        write_table(table_path, options.rows)
        print(f"{options.rows} rows, {table_path.stat().st_size / 1e6:.0f} MB", file=sys.stderr)
        rounds = [_round(table_path, number, options) for number in range(options.rounds)]
    result = figures(rounds)
    print(json.dumps(result, indent=2) if options.json else table(result))
    return 0


def write_table(path: Path, rows: int) -> None:
    """Write a table of ten columns, the same every time."""
    numbers = random.Random(1)  # noqa: S311  # a table to read, no secret
    first = date(2020, 1, 1)
    with path.open("w", encoding="utf-8") as stream:
        stream.write("id,name,price,quantity,day,at,flag,town,score,note\n")
        for row in range(rows):
            day = first + timedelta(days=numbers.randrange(2000))
            stream.write(
                f"{row},name{numbers.randrange(10**6)},{numbers.random() * 1000:.2f},{numbers.randrange(1000)},{day},"
                f"{day} "
                f"12:{row % 60:02d}:00,{'true' if row % 3 else 'false'},{_TOWNS[row % 6]},{numbers.gauss(0, 1):.6f},"
                f"some text {row % 977} here\n"
            )


def figures(rounds: list[dict[str, dict[str, float]]]) -> dict[str, Any]:
    """Return median times, the highest peaks, and our speed as a share of DuckDB's in the same
    round."""
    shares = [one["duckdb"]["s"] / one["ours"]["s"] for one in rounds]
    return {
        "seconds": {way: median(one[way]["s"] for one in rounds) for way in _WAYS},
        "peak_mb": {way: max(one[way]["mb"] for one in rounds) for way in _WAYS},
        "speed": spread(shares),
        "rounds": rounds,
    }


def table(result: dict[str, Any]) -> str:
    """Return the figures for a person to read."""
    lines = [f"{'':<10}{'seconds (median)':>18}{'peak MB (highest)':>20}"]
    lines += [
        f"{way:<10}{result['seconds'][way]:>18.2f}{result['peak_mb'][way]:>20.0f}" for way in _WAYS
    ]
    speed = result["speed"]
    return "\n".join(
        [
            *lines,
            f"our speed / DuckDB's: {speed['median']:.2f} ({speed['min']:.2f} to "
            f"{speed['max']:.2f})",
        ]
    )


def _round(path: Path, number: int, options: argparse.Namespace) -> dict[str, dict[str, float]]:
    order = list(_WAYS) if number % 2 else list(reversed(_WAYS))
    one = {way: _run(_WAYS[way], path) for way in order}
    if {answer["rows"] for answer in one.values()} != {options.rows}:
        raise RuntimeError(f"not all rows were read: {one}")
    print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
    return one


def _run(program: str, path: Path) -> dict[str, float]:
    command = [sys.executable, "-c", program, str(path), str(path.with_suffix(".parquet"))]
    shown = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    # DuckDB may have shown a bar before
    answer: dict[str, float] = json.loads(shown.stdout[shown.stdout.rindex("{") :])
    return answer


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.tables", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument(
        "--rounds", type=int, default=9, help="how often both take turns (default: 9)"
    )
    parser.add_argument(
        "--rows", type=int, default=1_000_000, help="rows of the table (default: 1000000)"
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
