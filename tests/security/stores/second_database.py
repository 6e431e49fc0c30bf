"""A site whose people are on a second database, and whose reads may go to a replica that lags.
Real SQLite files."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import connections
from django.test import override_settings

PEOPLE, REPLICA = "people", "replica"


class PeopleApart:
    """A router: everything is on the second database."""

    def db_for_read(self, _model: Any, **_hints: Any) -> str:
        """Read where one writes."""
        return PEOPLE

    def db_for_write(self, _model: Any, **_hints: Any) -> str:
        """Write to the second database."""
        return PEOPLE

    def allow_relation(self, *_rows: Any, **_hints: Any) -> bool:
        """Let the primary and its replica be one."""
        return True


class ReadsFromReplica(PeopleApart):
    """A router: writes go to the second database, reads to its replica,
    whatever row they begin with."""

    def db_for_read(self, _model: Any, **_hints: Any) -> str:
        """Read from the replica."""
        return REPLICA


@contextmanager
def database(alias: str, file: Path, *, copy_of: str) -> Iterator[None]:
    """Have the database ``alias``: what ``copy_of`` holds now. It is not kept up to date."""
    with connections[copy_of].cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(file)])
    connections.databases[alias] = {**connections.databases["default"], "NAME": str(file)}
    try:
        yield
    finally:
        connections[alias].close()
        del connections[alias], connections.databases[alias]


@contextmanager
def routed_by(router: type[PeopleApart]) -> Iterator[None]:
    """Let Django ask this router."""
    with override_settings(DATABASE_ROUTERS=[f"{router.__module__}.{router.__name__}"]):
        yield
