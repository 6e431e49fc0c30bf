"""The outbox is in one database, and only that one's transactions can keep a job in it."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.db import transaction
from django.utils import timezone
from flask import Flask

from django_site.submitting import outbox, submit
from shared.errors import ConfigurationError
from shared.http.beside import offer_api, withdraw_api
from tests.security.stores.second_database import PEOPLE, PeopleApart, database, routed_by

if TYPE_CHECKING:
    from django_site.accounts.models import User

ECHO = "sample.echo"


@pytest.fixture(autouse=True)
def _second(person: "User", tmp_path: Path) -> Iterator[None]:
    """There is a second database, where the person is, too; no outbox holds anything."""
    from django_site.submitting.models import OutboxJob

    OutboxJob.objects.all().delete()
    with database(PEOPLE, tmp_path / "people.sqlite3", copy_of="default"):
        yield
    OutboxJob.objects.all().delete()


def rows_in(alias: str) -> int:
    """Return how many jobs are kept in this database."""
    from django_site.submitting.models import OutboxJob

    return OutboxJob.objects.using(alias).count()


def test_job_is_not_kept_where_no_relay_looks(beside: Flask, person: "User") -> None:
    """The error names the database that can be used; nothing is written."""
    withdraw_api(beside)
    with pytest.raises(ConfigurationError, match="using='default', not of 'people'"):
        submit(ECHO, {"value": 1}, user=person, outbox=True, using=PEOPLE)
    with (
        routed_by(PeopleApart),
        transaction.atomic(),
        pytest.raises(ConfigurationError, match="using='people', not of 'default'"),
    ):
        submit(ECHO, {"value": 1}, user=person, outbox=True)
    assert rows_in("default") == rows_in(PEOPLE) == 0


def test_outbox_is_in_the_database_that_a_router_gives_it(beside: Flask, person: "User") -> None:
    """Its transaction is the one that counts, and what stays there is relayed."""
    from django_site.submitting.models import OutboxJob

    withdraw_api(beside)
    with routed_by(PeopleApart):
        with transaction.atomic(using=PEOPLE):
            submit(ECHO, {"value": 1}, user=person, outbox=True, using=PEOPLE)
            assert rows_in(PEOPLE) == 1
            transaction.set_rollback(True, using=PEOPLE)
        assert rows_in(PEOPLE) == 0
        submit(ECHO, {"value": 2}, user=person, outbox=True, using=PEOPLE)
        offer_api(beside)
        assert (rows_in("default"), rows_in(PEOPLE)) == (0, 1)
        OutboxJob.objects.update(next_try_at=timezone.now())
        assert outbox.relay() == (1, True)
        assert rows_in(PEOPLE) == 0
