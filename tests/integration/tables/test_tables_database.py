"""What SQL can't do, should a name or a file ever get to write some; and what a query may take."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flask_api.tasks.tables.database import TableDatabase, TableError, TableTooLargeError, literal
from shared.settings import ROOT

# Asserts what a fresh process needs at most, in kB, to parse the file that it is given.
MEASURE = """
import sys
from pathlib import Path
from flask_api.jobs.tasks.inline import InlineReporter, run_inline
from flask_api.tasks.tables.parse import parse_table

class Dropped(InlineReporter):
    def save_file(self, name, source):
        "Keep no file: its bytes would count."

result = run_inline(parse_table, {"file": Path(sys.argv[1])}, reporter=Dropped())
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(result["rows"], result["left_out"], int(peak.split()[1]))
"""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[TableDatabase]:
    """A database that may use one file and one folder."""
    (tmp_path / "own").mkdir()
    (tmp_path / "given.csv").write_text("a,b\n1,2\n")
    (tmp_path / "secret.csv").write_text("a,b\n1,2\n")
    with TableDatabase(
        files=(tmp_path / "given.csv",), folder=tmp_path / "own", memory_mb=128, threads=1
    ) as database:
        yield database


def test_given_file_and_folder_can_be_used(database: TableDatabase, tmp_path: Path) -> None:
    """Read the file, write into the folder, read that."""
    target = literal(tmp_path / "own" / "x.parquet")
    database.run(
        f"COPY (SELECT * FROM read_csv({literal(tmp_path / 'given.csv')})) TO {target} "
        "(FORMAT parquet)"
    )
    assert database.run(f"SELECT * FROM read_parquet({target})") == [(1, 2)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('{0}/secret.csv')",
        "SELECT * FROM read_csv('{0}/own/../secret.csv')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM 'http://127.0.0.1:9/x.csv'",
        "COPY (SELECT 1) TO '{0}/written.csv'",
        "ATTACH '{0}/other.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET memory_limit = '100GB'",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "RESET allowed_paths",
        "SELECT getenv('PATH')",
        "SELECT * FROM database",
    ],
)
def test_anything_else_is_refused(database: TableDatabase, tmp_path: Path, sql: str) -> None:
    """Other files, the network, extensions, settings, the environment, Python's variables."""
    with pytest.raises(TableError):
        database.run(sql.format(tmp_path))
    assert sorted(each.name for each in tmp_path.iterdir()) == ["given.csv", "own", "secret.csv"]


def test_link_out_of_the_folder_is_not_followed(database: TableDatabase, tmp_path: Path) -> None:
    """A link in the folder opens nothing outside of it."""
    (tmp_path / "own" / "link.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(TableError):
        database.run(f"SELECT * FROM read_csv({literal(tmp_path / 'own' / 'link.csv')})")


def test_query_that_needs_too_much_memory_ends(database: TableDatabase) -> None:
    """With an error of its own, and the database goes on."""
    with pytest.raises(TableTooLargeError):
        database.run("SELECT list(repeat('x', 1000)) FROM range(1000000)")
    assert database.run("SELECT 1") == [(1,)]


def test_watched_query_is_ended_soon(database: TableDatabase) -> None:
    """What the watch raises comes out, and no thread goes on."""

    def stop(percent: float) -> None:
        raise TimeoutError(percent)

    began = time.monotonic()
    with pytest.raises(TimeoutError):
        database.run("SELECT count(*) FROM range(100000000) a, range(100000) b", watch=stop)
    assert time.monotonic() - began < 5
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("duckdb")]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="VmHWM is Linux's")
@pytest.mark.parametrize("kind", ["rows", "cell", "bad rows"])
def test_memory_is_bounded(tmp_path: Path, kind: str) -> None:
    """A process with nothing else stays under 300 MB:
    with many rows, a cell of 300 MB, many rows that can't be read below an open quote."""
    source = tmp_path / "large.csv"
    with source.open("wb") as stream:
        stream.write(b"a,b,c\n1,2,x\n" + b'1,2,"x\n' * (kind == "bad rows"))
        for number in range(300):
            if kind == "rows":
                stream.write(
                    b"".join(b"%d,%d,some text %d\n" % (row, number, row) for row in range(2000))
                )
            else:
                stream.write(b"x" * 1_000_000 if kind == "cell" else b"1,2,x\n1,2\n" * 700)
        stream.write(b"\n3,4,y\n")
    environment = {"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", MEASURE, str(source)]
    shown = subprocess.run(
        command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True, timeout=100
    )
    rows, left_out, peak_kb = map(int, shown.stdout.split())
    assert (rows, left_out) == {
        "rows": (600_002, 0),
        "cell": (2, 1),
        "bad rows": (210_002, 210_001),
    }[kind]
    assert peak_kb < 300_000
