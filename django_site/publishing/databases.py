"""Which database a model's rows are written to, and reading there what is committed.

Who publishes reads where writes go, never a replica:
a replica still has the row that was just replaced.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar, cast

from django.contrib.auth import get_user_model
from django.db import connections, router, transaction
from django.db.models import Model, QuerySet

T = TypeVar("T")


def database_of(model: type[Model]) -> str:
    """Return the alias of the database that this model's rows are written to,
    as the site's routers say."""
    return str(router.db_for_write(model))


def people_database() -> str:
    """Return the alias of the database that people are written to."""
    return database_of(get_user_model())


def user_rows() -> "QuerySet[Any]":
    """Return all rows of the project's user model, where they are written."""
    return cast("QuerySet[Any]", get_user_model()._default_manager.using(people_database()))


@contextmanager
def atomic_on(*models: type[Model]) -> Iterator[None]:
    """Open a transaction on the database of each of these models: one, where they share it.
    The first is committed last."""
    with ExitStack() as stack:
        for alias in dict.fromkeys(database_of(model) for model in models):
            stack.enter_context(transaction.atomic(using=alias))
        yield


@contextmanager
def snapshot(using: str) -> Iterator[None]:
    """Let all queries in the block see one moment:
    a person's row and groups of two moments may never have been together.

    Takes no lock, and must only read. In a transaction that is open already it is what that
    transaction sees.
    """
    connection: Any = connections[using]
    if connection.in_atomic_block:
        yield
        return
    connection.ensure_connection()
    mode = getattr(connection, "transaction_mode", None)
    if connection.vendor == "sqlite":
        # IMMEDIATE would wait for, and hold up, those who write
        connection.transaction_mode = "DEFERRED"
    try:
        with transaction.atomic(using=using):
            if connection.vendor == "postgresql":  # its default sees another moment with each query
                with connection.cursor() as cursor:
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            yield
    finally:
        if connection.vendor == "sqlite":
            connection.transaction_mode = mode


def read_committed(read: Callable[[], T], *, using: str) -> T:
    """Return what ``read`` returns, and let it see no row that ``using`` may still roll back.

    A commit on one database can happen while a transaction of the same thread is open on another,
    where people are. Then ``read`` runs in a thread of its own, and so on a connection of its own.
    Raises what ``read`` raises.
    """
    connection: Any = connections[using]
    # The transaction that Django's TestCase wraps a test in is none of the site's.
    if not any(not getattr(block, "_from_testcase", False) for block in connection.atomic_blocks):
        return read()
    outcomes: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            outcomes.append(read())
        except BaseException as error:
            errors.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run, name="gatehouse-read-committed")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return outcomes[0]
