"""Two entries in one round trip, and never a stale one:
against a real server, as the API's user."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
import redis

from deploy.redis.valkey import EmbeddedValkey
from shared.contract.linked_reader import FirstRead, LinkedReader
from shared.errors import SessionStoreUnavailable
from shared.redis import RedisGateway, build_client
from tests.integration.gate.gate_bench import admin_of


@pytest.fixture
def admin(valkey: EmbeddedValkey) -> Iterator[redis.Redis]:
    """Who may write any entry."""
    with admin_of(valkey) as client:
        yield client


@pytest.fixture
def reader(valkey: EmbeddedValkey) -> Iterator[LinkedReader]:
    """A reader that knows nothing yet."""
    client = build_client(valkey.url("api"), timeout_s=0.2, max_connections=2)
    store = RedisGateway(client, unavailable=SessionStoreUnavailable)
    yield LinkedReader(store)
    store.close()


@pytest.fixture
def session() -> str:
    """The name of an entry that nobody else has."""
    return f"gatehouse:session:{uuid4().hex}"


def _people() -> tuple[str, str]:
    name = f"gatehouse:principal:{uuid4().hex}"
    return f"{name}1", f"{name}2"


def _gets(admin: redis.Redis) -> tuple[int, int]:
    statistics = admin.info("commandstats")
    get, mget = (
        int(statistics.get(f"cmdstat_{name}", {"calls": 0})["calls"]) for name in ("get", "mget")
    )
    return get, mget


def test_second_time_asks_for_both_at_once(
    admin: redis.Redis, reader: LinkedReader, session: str
) -> None:
    """The first pair costs two commands, each further one a single command."""
    ada, _ = _people()
    admin.mset({session: "s", ada: "a"})
    gets, mgets = _gets(admin)
    for _ in range(3):
        first = reader.read(session)
        assert (first.value, reader.follow(first, ada)) == ("s", "a")
    assert _gets(admin) == (gets + 2, mgets + 2)


def test_both_values_are_what_they_are_now(
    admin: redis.Redis, reader: LinkedReader, session: str
) -> None:
    """A change of either entry is seen by the next read; a deleted one is absent."""
    ada, _ = _people()
    admin.mset({session: "s1", ada: "a1"})
    reader.follow(reader.read(session), ada)
    admin.mset({session: "s2", ada: "a2"})
    first = reader.read(session)
    assert (first.value, reader.follow(first, ada)) == ("s2", "a2")
    admin.delete(ada)
    assert reader.follow(reader.read(session), ada) is None
    admin.delete(session)
    assert reader.read(session).value is None


def test_entry_that_leads_elsewhere_now_never_gives_the_former_person(
    admin: redis.Redis, reader: LinkedReader, session: str
) -> None:
    """The guess is used only when the first entry, as it is now, leads to it."""
    ada, bob = _people()
    admin.mset({session: "s", ada: "a", bob: "b"})
    reader.follow(reader.read(session), ada)
    assert reader.follow(reader.read(session), bob) == "b"
    assert reader.follow(reader.read(session), bob) == "b"


def test_absent_first_entry_is_forgotten(
    admin: redis.Redis, reader: LinkedReader, session: str
) -> None:
    """A session that ended leaves nothing behind in the process."""
    ada, _ = _people()
    admin.mset({session: "s", ada: "a"})
    reader.follow(reader.read(session), ada)
    admin.delete(session)
    assert reader.read(session).guess == ada
    assert reader.read(session) == FirstRead(entry=session, value=None)


def test_guesses_are_bounded(
    admin: redis.Redis, reader: LinkedReader, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When it knows as many as it may, it starts over; the answers stay right."""
    monkeypatch.setattr("shared.contract.linked_reader._MAX_GUESSES", 1)
    ada, bob = _people()
    other = f"{session}2"
    admin.mset({session: "s", other: "o", ada: "a", bob: "b"})
    for _ in range(2):
        assert reader.follow(reader.read(session), ada) == "a"
        assert reader.follow(reader.read(other), bob) == "b"
    assert reader.read(session).guess is None
