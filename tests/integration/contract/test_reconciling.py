"""Many people of whom few are here: only these are looked at, slowly, and a silent change is seen.

2,000 people here; ``NIGHTLY_PEOPLE=200000`` for the long run (script/nightly), a fortieth of whom
is here.
"""

import logging
import os
import time
from collections.abc import Iterator

import pytest
import redis

from deploy.redis.valkey import EmbeddedValkey
from tests.waiting import wait_until

PEOPLE = int(os.environ.get("NIGHTLY_PEOPLE", "2000"))
HERE = PEOPLE // 40

pytestmark = [pytest.mark.usefixtures("site"), pytest.mark.timeout(120 + PEOPLE // 200)]
log = logging.getLogger(__name__)


@pytest.fixture
def here(valkey: EmbeddedValkey) -> Iterator[list[int]]:
    """The primary keys of those who are here; all are gone afterwards."""
    from django_site.accounts.models import User
    from django_site.principals.publish import publish_arrivals
    from django_site.publishing.people import id_of
    from django_site.publishing.presence import note_all_listed
    from django_site.publishing.versions import PUBLISHED

    with redis.Redis.from_url(valkey.url("admin"), decode_responses=True) as admin:
        admin.delete(PUBLISHED, "gatehouse:lock:reconcile")
        people = User.objects.bulk_create(
            [User(username=f"one-of-many-{number}", password="!") for number in range(PEOPLE)],
            batch_size=500,
        )
        keys = [person.pk for person in people[::40]]
        publish_arrivals({id_of(key): 600 for key in keys})
        note_all_listed()
        yield keys
        for start in range(0, PEOPLE, 500):
            batch = [person.pk for person in people[start : start + 500]]
            User.objects.filter(pk__in=batch)._raw_delete("default")
        publish_arrivals({id_of(key): 0 for key in keys})
        admin.delete(PUBLISHED)


def test_change_without_a_signal_is_seen_among_those_who_are_here(here: list[int]) -> None:
    """In one pass, whatever the site's size, and by a thread that mostly rests."""
    from django_site.accounts.models import User
    from django_site.principals.publish import find_principal
    from django_site.publishing.people import id_of
    from django_site.publishing.rebuild import reconcile_slices
    from django_site.publishing.reconciler import PASS_S, Reconciler

    began = time.thread_time()
    seen = sum(slice_.seen for name, slice_ in reconcile_slices() if name == "people")
    worked_s = time.thread_time() - began
    assert seen == HERE
    log.info("%d people, %d here: %.3f s of work in a pass", PEOPLE, HERE, worked_s)
    assert worked_s / HERE < 0.005  # of the order of a tenth of it
    User.objects.filter(pk=here[HERE // 2]).update(is_active=False)
    reconciler = Reconciler()
    reconciler.start()
    try:
        wait_until(
            lambda: (
                (principal := find_principal(id_of(here[HERE // 2]))) is not None
                and not principal.is_active
            ),
            timeout_s=PASS_S + 10,
            what="the deactivation is published",
        )
    finally:
        reconciler.stop()


@pytest.mark.parametrize(
    ("entries", "rest_s"),
    [
        (1_000, (0.5, 0.9)),  # 49 times the work of a slice
        (100_000, (0.0, 0.02)),  # too many for that: in time comes first
    ],
)
def test_work_is_a_fiftieth_of_the_time_as_long_as_a_pass_is_done_in_time(
    entries: int, rest_s: tuple[float, float]
) -> None:
    """10 to 18 ms of work for 100 of so many people, of whom all are to be looked at in 25 s."""
    from django_site.publishing.reconciler import PASS_S, _Pace

    pace = _Pace(PASS_S, entries)
    until = time.thread_time() + 0.0105
    while time.thread_time() < until:
        pass
    assert rest_s[0] <= pace.rest_after(100) <= rest_s[1]
