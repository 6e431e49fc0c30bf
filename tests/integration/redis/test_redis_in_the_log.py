"""What an operator is told of a Redis that is away: a site that adopts the gate has no other sign
than the line's own text, for its logging prints no extra fields."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.exceptions import ResponseError

from deploy.redis.users import new_passwords
from deploy.redis.valkey import EmbeddedValkey
from shared.errors import SessionStoreUnavailable
from shared.redis import RedisGateway, build_client
from tests.integration.engine.remote.brokers.tls_proxy import context_of, tls_proxy
from tests.integration.tasks.test_web_tls import self_signed
from tests.waiting import wait_until

KEY = "gatehouse:session:test"


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    """A running server, to be stopped."""
    with EmbeddedValkey(tmp_path / "valkey", passwords=new_passwords()) as server:
        yield server


def _store(url: str, *, connections: int = 2) -> RedisGateway:
    client = build_client(url, timeout_s=0.5, max_connections=connections)
    place = {"server": "redis.example.org:6379", "settings": "GATEHOUSE_REDIS_URL"}
    return RedisGateway(client, unavailable=SessionStoreUnavailable, place=place)


def _told(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    return [
        (each.levelno, each.getMessage())
        for each in caplog.records
        if each.name == "gatehouse.redis"
    ]


def _is_away(store: RedisGateway) -> bool:
    try:
        store.get(KEY)
    except SessionStoreUnavailable:
        return True
    return False


def test_outage_is_a_line_when_it_begins_and_one_when_it_is_over(
    valkey: EmbeddedValkey, caplog: pytest.LogCaptureFixture
) -> None:
    """It says which server, by which setting and why; however many ask meanwhile."""
    caplog.set_level(logging.INFO)
    store = _store(valkey.url("admin"))
    assert not _is_away(store)
    valkey.stop()
    assert all(_is_away(store) for _ in range(5))
    away = (
        logging.WARNING,
        "Redis at redis.example.org:6379 can't be used now, there is no such socket: "
        "see GATEHOUSE_REDIS_URL",
    )
    assert _told(caplog) == [away]
    valkey.start()
    wait_until(lambda: not _is_away(store), timeout_s=5, what="the store answers again")
    assert not _is_away(store)
    answers = (logging.INFO, "Redis at redis.example.org:6379 can be used again")
    assert _told(caplog) == [away, answers]
    store.close()


def test_outage_that_ends_with_a_mistake_of_ours_is_over(
    valkey: EmbeddedValkey, caplog: pytest.LogCaptureFixture
) -> None:
    """The first answer afterwards may be an error, and is one: the next outage is told again."""
    caplog.set_level(logging.INFO)
    store = _store(valkey.url("admin"))
    for _ in range(2):
        caplog.clear()
        store._said.clear()  # ten seconds later
        valkey.stop()
        assert _is_away(store)
        valkey.start()
        wait_until(lambda: _is_answered(store), timeout_s=5, what="the store answers again")
        assert not _is_away(store)
        assert [level for level, _ in _told(caplog)] == [logging.WARNING, logging.INFO]
    store.close()


def test_certificate_that_is_refused_is_told_in_an_outage_too(
    valkey: EmbeddedValkey, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """That connections broke is told first, and somebody must change something since."""
    for each in ("own", "foreign"):
        (tmp_path / each).mkdir()
    own = self_signed(tmp_path / "own", "localhost")
    with tls_proxy(valkey.socket, own) as proxy:
        store = _store(f"{proxy.tls_url(valkey.url('admin'))}?ssl_ca_certs={own}")
        assert not _is_away(store)
        valkey.stop()
        wait_until(lambda: _is_away(store) and _told(caplog), timeout_s=5, what="it is away")
        assert "can't be used now" in _told(caplog)[-1][1]
        proxy.impostor = context_of(self_signed(tmp_path / "foreign", "localhost"))
        proxy.cut()
        refused = "can't be used as it is configured, its certificate is refused"
        wait_until(
            lambda: _is_away(store) and refused in _told(caplog)[-1][1],
            timeout_s=5,
            what="the certificate is told",
        )
        store.close()


def _is_answered(store: RedisGateway) -> bool:
    try:
        store.read(lambda client: client.ask("GET"))
    except ResponseError:
        return True
    except SessionStoreUnavailable:
        return False
    raise AssertionError("GET takes an entry")


def test_too_few_connections_are_told_as_such(
    valkey: EmbeddedValkey, caplog: pytest.LogCaptureFixture
) -> None:
    """Requests that get a 503 because all connections are in use leave a line, too."""
    store = _store(valkey.url("admin"), connections=1)
    held = store.client.connection_pool.get_connection()
    assert _is_away(store)
    assert _told(caplog) == [
        (
            logging.WARNING,
            "Redis at redis.example.org:6379 can't be used now, every connection of this process "
            "is in use: see GATEHOUSE_REDIS_CONNECTIONS",
        )
    ]
    store.client.connection_pool.release(held)
    assert not _is_away(store)
    store.close()


def test_large_answer_that_comes_too_late_is_no_outage(
    valkey: EmbeddedValkey, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told as such, and takes no line from an outage that follows."""
    store = _store(valkey.url("admin"))
    with pytest.raises(SessionStoreUnavailable):
        store.read(lambda client: client.ask("BLPOP", KEY, "2"), is_large=True)
    valkey.stop()
    assert _is_away(store)
    assert [text.partition("6379 ")[2].partition(",")[0] for _, text in _told(caplog)] == [
        "was too slow with a large answer: see GATEHOUSE_REDIS_TIMEOUT_MS",
        "can't be used now",
    ]
    store.close()


def test_refused_password_is_told_in_the_text(
    valkey: EmbeddedValkey, caplog: pytest.LogCaptureFixture
) -> None:
    """What has to be changed stands in the line itself."""
    store = _store(f"unix://admin:canary@{valkey.socket}")
    assert _is_away(store)
    assert _told(caplog) == [
        (
            logging.ERROR,
            "Redis at redis.example.org:6379 can't be used as it is configured, it refuses the "
            "user or password of the URL: see GATEHOUSE_REDIS_URL",
        )
    ]
    store.close()
