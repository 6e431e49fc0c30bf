"""What Redis says of a person or a key never exceeds what the database ever allowed after the last
published commit (P23).

Random operations run at once, and their steps are interleaved at random. 100 schedules here;
``NIGHTLY_SCHEDULES=10000`` for the long run (script/nightly). A failure names its seed:
``SCHEDULE_SEED=n`` repeats that one.
"""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random

import pytest
import redis

from deploy.redis.valkey import EmbeddedValkey
from shared.contract.entries import (
    sessions_of_entry,
)
from shared.contract.gone import GONE_LATEST, gone_entry
from tests.security.stores.interleaving import Actor, actors, next_of
from tests.security.stores.publish_world import (
    ENTRIES,
    PERSON,
    SESSION,
    World,
    check_lives,
    check_mark,
    in_database,
    in_redis,
    note_end,
    people,
    refusable,
)
from tests.security.stores.second_database import PEOPLE, PeopleApart, database, routed_by

SCHEDULES = int(os.environ.get("NIGHTLY_SCHEDULES", "100"))
FIRST = int(os.environ.get("SCHEDULE_FIRST", "0"))
SEEDS = (
    [int(os.environ["SCHEDULE_SEED"])]
    if "SCHEDULE_SEED" in os.environ
    else range(FIRST, FIRST + SCHEDULES)
)
ACTORS, OPERATIONS = 3, 6

pytestmark = [pytest.mark.usefixtures("site"), pytest.mark.timeout(120 + SCHEDULES)]


@pytest.fixture
def admin(valkey: EmbeddedValkey) -> Iterator[redis.Redis]:
    """A client that may do everything."""
    with redis.Redis.from_url(valkey.url("admin"), decode_responses=True) as client:
        yield client


@pytest.fixture
def crew(site: None, tmp_path: Path) -> Iterator[list[Actor]]:
    """Actors on a database of their own; afterwards Redis says again what the run's own database
    says."""
    from django.core.management import call_command

    from django_site.contract import session_store
    from django_site.publishing.rebuild import rebuild

    with database(PEOPLE, tmp_path / "people.sqlite3", copy_of="default"), routed_by(PeopleApart):
        call_command("flush", database=PEOPLE, interactive=False, verbosity=0)
        with actors(ACTORS, alias=PEOPLE, store=session_store()) as found:
            yield found
    rebuild()


def _play(world: World, crew: list[Actor]) -> None:
    """Let the operations begin and go on by turns, until all have ended."""
    chooser, left = world.chooser, OPERATIONS
    began: dict[Actor, tuple[str, int]] = {}
    own: dict[Actor, int] = {}  # what each has committed
    while left or any(actor.is_busy for actor in crew):
        idle, busy = (
            [actor for actor in crew if not actor.is_busy],
            [actor for actor in crew if actor.is_busy],
        )
        if left and idle and (not busy or chooser.random() < 0.2):
            operation = chooser.choice(world.operations())
            idle[0].begin(partial(refusable, operation))
            began[idle[0]] = (operation.__name__, len(world.committed) - 1)
            left -= 1
            continue
        actor = next_of(busy, chooser)
        before = len(world.committed)
        actor.step()
        world.look()
        if len(world.committed) > before:
            own[actor] = before
        if not actor.is_busy:
            note_end(world, *began[actor], own.pop(actor, None))


def _reset(admin: redis.Redis) -> None:
    from django.contrib.auth.models import Group, Permission

    from django_site.keys.models import ApiKey
    from django_site.principals.publish import publish_with_session

    ApiKey.objects.all().delete()
    people().all().delete()
    crew, _ = Group.objects.get_or_create(pk=1, name="crew")
    crew.permissions.set(Permission.objects.filter(codename="view_user"))
    row = people().model(pk=PERSON, username="ada", password="!")
    row.save()
    admin.set(SESSION, "a session", ex=1000)
    admin.sadd(sessions_of_entry(str(PERSON)), SESSION)
    publish_with_session(PERSON)


def test_any_interleaving_ends_with_what_the_database_says(
    crew: list[Actor], admin: redis.Redis
) -> None:
    """No older publish replaces a newer one; at the end, after a rebuild if a change was silent,
    both say the same."""
    from django_site.publishing.rebuild import rebuild

    for seed in SEEDS:
        _reset(admin)
        world = World(Random(seed), admin)
        try:
            _play(world, crew)
            shown, truth = in_redis(admin.mget(ENTRIES)), in_database()
            if not world.is_silent:
                # Who was deleted left; who is made again with the same id isn't here before a
                # log-in or a rebuild.
                assert shown == truth or (world.was_deleted and shown == (None, truth[1]))
                check_mark(admin.mget(ENTRIES))
            rebuild()
            assert in_redis(admin.mget(ENTRIES)) == in_database()
            check_mark(admin.mget(ENTRIES))
            check_lives(admin)
            is_listed = admin.zscore(GONE_LATEST, str(PERSON)) is not None
            assert is_listed == bool(admin.exists(gone_entry(str(PERSON))))
        except BaseException as error:
            error.add_note(f"SCHEDULE_SEED={seed}")
            raise
