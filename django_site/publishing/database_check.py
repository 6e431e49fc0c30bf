"""Can the site's database be used? Asked by ``wsgi.py --check``, once Django is set up, and of what
ended a command."""

from collections.abc import Iterator
from pathlib import Path
from traceback import walk_tb

from django.db import DatabaseError, Error, OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

from shared.environment import is_installed

_CONNECT = "get_new_connection"  # of every backend of Django's
_UNDEFINED_TABLE = "42P01"  # PostgreSQL's code
MANAGE = "gatehouse-manage" if is_installed() else "manage.py"


def database_problems() -> Iterator[str]:
    """Yield a sentence if the database does not answer or lacks a migration. Changes nothing,
    and makes no file of SQLite's."""
    file = sqlite_file()
    if file and not file.exists():
        yield f"DATABASE_URL: there is no database at {file}: {MANAGE} migrate makes it"
        return
    try:
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except Error as error:
        yield f"DATABASE_URL: the database can't be used: {str(error).partition(chr(10))[0]}"
        return
    finally:
        connection.close()
    if plan:
        yield f"DATABASE_URL: the database lacks {len(plan)} migrations: run {MANAGE} migrate"


def sqlite_file() -> Path | None:
    """Return the file of SQLite's that is the database; None for one in memory and any other."""
    name = str(connection.settings_dict["NAME"])
    is_in_memory = name == ":memory:" or (name.startswith("file:") and "mode=memory" in name)
    return None if is_in_memory or connection.vendor != "sqlite" else Path(name)


def reason_unusable(error: DatabaseError) -> str:
    """Return in one line why an error says that the database can't be used: it can't be reached or
    has no tables. Empty for any other (a lock, a mistake), whose traceback somebody needs."""
    said = str(error).partition("\n")[0]
    is_away = isinstance(error, OperationalError) and any(
        frame.f_code.co_name == _CONNECT for frame, _ in walk_tb(error.__traceback__)
    )
    has_no_table = said.startswith("no such table: ") or (
        getattr(error.__cause__, "sqlstate", None) == _UNDEFINED_TABLE
    )
    return said if is_away or has_no_table else ""
