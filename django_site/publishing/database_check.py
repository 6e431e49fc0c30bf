"""Can the site's database be used? Asked by ``wsgi.py --check``, once Django is set up."""

from collections.abc import Iterator
from pathlib import Path

from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor

from shared.environment import is_installed

MANAGE = "gatehouse-manage" if is_installed() else "manage.py"


def database_problems() -> Iterator[str]:
    """Yield a sentence if the database does not answer or lacks a migration. Changes nothing,
    and makes no file of SQLite's."""
    name = str(connection.settings_dict["NAME"])
    is_file = connection.vendor == "sqlite" and "memory" not in name
    if is_file and not Path(name).exists():
        yield f"DATABASE_URL: there is no database at {name}: {MANAGE} migrate makes it"
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
