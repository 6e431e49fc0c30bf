"""DuckDB behind bars: it reads and writes the files it was given, and has no network,
no extension and no setting to change.

Memory, threads and the disk that it may use for what doesn't fit are bounded. An answer that takes
long is watched, so that a cancel or a time-out ends it.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, Self

from flask_api.jobs.errors import TaskError

# How long a cancel goes unnoticed while DuckDB works.
WATCH_S = 0.1
SPILL_BYTES = 1_000_000_000
_FIXED = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "allow_persistent_secrets": False,
    # else a table name in SQL finds a Python variable of that name
    "python_enable_replacements": False,
}

Watch = Callable[[float], None]
DatabaseRow = tuple[Any, ...]


class TableError(Exception):
    """DuckDB refuses what it was given, in its own words."""


class UnexpectedCellsError(TableError):
    """The rows are not what the query says, or more than DuckDB reads:
    it is sound, and another one may read them."""


class TableTooLargeError(TaskError):
    """What was asked for does not fit into the memory that it may take."""


def _ignore(percent: float) -> None:
    """Nobody watches."""


class TableDatabase:
    """One in-memory DuckDB. Only ``files`` and what is in ``folder`` can be read or written.
    Use it with ``with``.

    For one thread at a time. ``memory_mb`` is what DuckDB counts itself; the process needs about 70
    MB more. ``spill_bytes`` of ``folder`` may be taken for what doesn't fit into memory.
    """

    def __init__(
        self,
        *,
        files: Iterable[Path] = (),
        folder: Path | None = None,
        memory_mb: int,
        threads: int,
        spill_bytes: int = SPILL_BYTES,
    ) -> None:
        import duckdb  # 30 MB: only for who reads a table

        spill = (
            {}
            if folder is None
            else {
                "temp_directory": str(folder / "spill"),
                "max_temp_directory_size": f"{spill_bytes}B",
            }
        )
        config: dict[str, Any] = {
            "memory_limit": f"{memory_mb}MB",
            "threads": threads,
            "temp_directory": "",
            **spill,
            **_FIXED,
        }
        self._connection: duckdb.DuckDBPyConnection = duckdb.connect(config=config)
        allowed = ", ".join(literal(path.resolve()) for path in files)
        folders = "" if folder is None else literal(folder)
        for setting in (
            "TimeZone = 'UTC'",  # what a time without a zone means must not depend on the machine
            "enable_progress_bar = true",  # counts the percent that ``watch`` is told,
            "enable_progress_bar_print = false",  # and shows nobody a bar
            f"allowed_paths = [{allowed}]",
            f"allowed_directories = [{folders}]",
            "enable_external_access = false",
            "lock_configuration = true",  # last: from here on SQL can't widen what was said
        ):
            self._connection.execute(f"SET {setting}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def run(
        self, sql: str, parameters: Sequence[object] = (), *, watch: Watch = _ignore
    ) -> list[DatabaseRow]:
        """Return all rows of an answer. ``watch`` is told now and then how many percent are done;
        what it raises ends it.

        Raises TableError, UnexpectedCellsError for what stands in the rows, TableTooLargeError when
        memory or the spill folder's bound doesn't suffice.
        """
        with ThreadPoolExecutor(1, thread_name_prefix="duckdb") as pool:
            answer = pool.submit(self._run, sql, parameters)
            try:
                while not wait((answer,), timeout=WATCH_S).done:
                    watch(max(0.0, self._connection.query_progress()))
            except BaseException:
                # leaving the with then waits for its end, which is near
                self._connection.interrupt()
                raise
        return answer.result()

    def _run(self, sql: str, parameters: Sequence[object]) -> list[DatabaseRow]:
        import duckdb

        try:
            return self._connection.execute(sql, parameters or None).fetchall()
        except duckdb.OutOfMemoryException as error:
            raise TableTooLargeError(
                "The rows need more memory, or temporary disk, than a table may take."
            ) from error
        except (
            duckdb.InvalidInputException,
            duckdb.DataError,
            duckdb.NotImplementedException,
        ) as error:
            raise UnexpectedCellsError(str(error).partition("\n")[0][:300]) from error
        except duckdb.Error as error:
            raise TableError(str(error).partition("\n")[0][:300]) from error


def identifier(name: str) -> str:
    """Return a column's name as SQL has it. Names come from uploaded files:
    never put one into SQL without this."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: object) -> str:
    """Return a text as SQL has it."""
    return "'" + str(text).replace("'", "''") + "'"
