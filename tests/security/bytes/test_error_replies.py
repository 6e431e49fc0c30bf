"""Every error reply that Redis and Valkey document, to both sides, over a real connection:
503 with Retry-After, and no more.

A proxy before a real Valkey answers in its place. What is not on this list is tried as well:
a code of a version to come.
"""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask
from pydantic import SecretStr
from redis.exceptions import ResponseError

from deploy.redis.valkey import EmbeddedValkey
from flask_api.gate.state import gate_state
from flask_api.http.state import api_state
from flask_api.testing import running_api
from shared.errors import SessionStoreUnavailable
from shared.redis import RedisGateway, build_client
from shared.redis.breaker import CircuitBreaker
from shared.settings import ApiSettings
from tests.integration.gate.gate_bench import SAMPLE_TASKS, Visitor, ask
from tests.integration.redis.fault_proxy import FaultProxy, fault_proxy
from tests.waiting import wait_until

if TYPE_CHECKING:
    from django.test import Client

REPLIES = (
    "READONLY You can't write against a read only replica.",
    "READONLY Can not run script with write flag on readonly replica",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "LOADING Redis is loading the dataset in memory",
    "LOADING Valkey is loading the dataset in memory",
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
    "BUSY Valkey is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.",
    "BUSY Redis is busy running a module command",
    "OOM command not allowed when used memory > 'maxmemory'.",
    "OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'",
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to "
    "disk.",
    "MISCONF Errors writing to the AOF file: No space left on device",
    "NOREPLICAS Not enough good replicas to write.",
    "NOREPLICAS Not enough good slaves to write.",
    "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
    "UNBLOCKED client unblocked via CLIENT UNBLOCK",
    "NOMASTERLINK Can't SYNC while not connected with my master",
    "NOGOODSLAVE No suitable replica to promote",
    "NOGOODPRIMARY Primary does not support FAILOVER command",
    "INPROG Failover already in progress",
    "IOERR error or timeout connecting to the client",
    "CLUSTERDOWN The cluster is down",
    "CLUSTERDOWN The cluster is down and only accepts read commands",
    "CLUSTERDOWN Hash slot not served",
    "MOVED 3999 127.0.0.1:6381",
    "ASK 3999 127.0.0.1:6381",
    "TRYAGAIN Multiple keys request during rehashing of slot",
    "CROSSSLOT Keys in request don't hash to the same slot",
    "REDIRECT 127.0.0.1:6381",
    "NOAUTH Authentication required.",
    "WRONGPASS invalid username-password pair or user is disabled.",
    "NOPERM User api has no permissions to run the 'get' command",
    "NOPERM this user has no permissions to access one of the keys used as arguments",
    "DENIED Redis is running in protected mode because protected mode is enabled and no password "
    "is set.",
    "NOPROTO unsupported protocol version",
    "NOSCRIPT No matching script. Please use EVAL.",
    "NOTBUSY No scripts in execution right now.",
    "UNKILLABLE Sorry the script already executed write commands against the dataset.",
    "EXECABORT Transaction discarded because of previous errors.",
    "BUSYKEY Target key name already exists.",
    "BUSYGROUP Consumer Group name already exists",
    "NOGROUP No such key 'a' or consumer group 'b'",
    "INVALIDOBJ Corrupted HLL object detected",
    "NOQUORUM 1 usable Sentinels. Not enough available Sentinels to reach the specified quorum for "
    "this master",
    "ERR max number of clients reached",
    "ERR max number of clients + cluster connections reached",
    "ERR WAIT cannot be used with replica instances. Please also note that writes to replicas are "
    "just local.",
    "ERR unknown command 'evalsha', with args beginning with: 'a' ",
    "ERR DB index is out of range",
    "ERR invalid password",
    "ERR AUTH <password> called without any password configured for the default user. Are you sure "
    "of your configuration?",
    "ERR Client sent AUTH, but no password is set",
    "FROMTHEFUTURE a reply that no version knows yet",
    "no healthy upstream",
)
MISTAKES = (
    "ERR syntax error",
    "ERR value is not an integer or out of range",
    "WRONGTYPE Operation against a key holding the wrong kind of value",
)
REQUESTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/api/me", {}),
    ("/api/jobs", {"method": "POST", "json": {"task": "sample.echo", "arguments": {}}}),
)
COMMANDS = (b"GET\r\n", b"EVALSHA\r\n", b"HMGET\r\n", b"SETRANGE\r\n", b"SMEMBERS\r\n")


@pytest.fixture(scope="module")
def proxy(request: pytest.FixtureRequest) -> Iterator[FaultProxy]:
    """A proxy before the run's Valkey."""
    from tests.conftest import _VALKEY

    with fault_proxy(_VALKEY.socket) as proxy:
        yield proxy


def spoil(proxy: FaultProxy, reply: str) -> None:
    """Let the proxy answer with ``reply`` where a command is sent with a question for the role
    behind it."""
    proxy.answers = dict.fromkeys(COMMANDS, f"-{reply}\r\n:0\r\n".encode())


@pytest.mark.parametrize("kind", ["read", "write"])
def test_every_documented_reply_is_unavailable(
    proxy: FaultProxy, valkey: EmbeddedValkey, kind: str
) -> None:
    """At the seam: no reply but those that only a mistake of ours brings comes through as another
    error."""
    for reply in REPLIES:
        store = _store(proxy, valkey)
        spoil(proxy, reply)
        with pytest.raises(SessionStoreUnavailable):
            getattr(store, kind)(lambda client: client.get("gatehouse:jobs:x"))
        proxy.answers = {}
        wait_until(
            partial(_answers, store), timeout_s=2, what=f"the store answers again after {reply}"
        )
        store.close()


def test_reply_that_only_a_mistake_of_ours_brings_is_seen(
    proxy: FaultProxy, valkey: EmbeddedValkey
) -> None:
    """An outage that is none would hide it."""
    store = _store(proxy, valkey)
    for reply in MISTAKES:
        spoil(proxy, reply)
        with pytest.raises(ResponseError):
            store.read(lambda client: client.get("gatehouse:jobs:x"))
    proxy.answers = {}
    store.close()


def test_answer_that_is_no_answer_is_unavailable(proxy: FaultProxy, valkey: EmbeddedValkey) -> None:
    """A web server at the port, for example: the connection is closed,
    not believed and not a crash."""
    store = _store(proxy, valkey)
    proxy.answers = {b"GET\r\n": b"HTTP/1.1 400 Bad Request\r\n\r\n"}
    with pytest.raises(SessionStoreUnavailable):
        store.get("gatehouse:jobs:x")
    proxy.answers = {}
    wait_until(lambda: _answers(store), timeout_s=2, what="the store answers again")
    store.close()


def test_every_documented_reply_is_503_from_the_api(
    proxy: FaultProxy, valkey: EmbeddedValkey, api_settings: ApiSettings, visitor: Visitor
) -> None:
    """Who is asked, and a submit and a list: 503 with Retry-After,
    neither 'log in' nor 'something went wrong'."""
    url = SecretStr(proxy.url(valkey.url("api")))
    with running_api(
        api_settings, api_redis_url=url, jobs_redis_url=url, task_modules=(SAMPLE_TASKS,)
    ) as app:
        for store in (gate_state(app).store, api_state(app).jobs_store):
            store._breaker = CircuitBreaker(open_s=0.01)
        for reply in REPLIES:
            spoil(proxy, reply)
            for path, options in REQUESTS:
                answer = ask(app, path, cookie=visitor.cookie, **options)
                assert (answer.status_code, answer.headers.get("Retry-After")) == (503, "1"), (
                    reply,
                    answer.data,
                )
            proxy.answers = {}
            wait_until(
                partial(_is_open, app, visitor),
                timeout_s=2,
                what=f"the API answers again after {reply}",
            )


def test_every_documented_reply_is_503_from_the_site(
    proxy: FaultProxy,
    valkey: EmbeddedValkey,
    logged_in: "Client",
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A page: 503 with Retry-After and no cookie touched;
    the operator reads which setting it is about."""
    from django_site.contract import session_store

    client = build_client(proxy.url(valkey.url("django")), timeout_s=1, max_connections=4)
    monkeypatch.setattr(session_store(), "client", client)
    monkeypatch.setattr(session_store(), "_breaker", CircuitBreaker(open_s=0.01))
    for reply in REPLIES:
        spoil(proxy, reply)
        answer = logged_in.get("/", headers={"Accept": "text/html"})
        assert (answer.status_code, answer.headers.get("Retry-After")) == (503, "1"), (
            reply,
            answer.content,
        )
        assert not answer.cookies
        proxy.answers = {}
        wait_until(
            lambda: logged_in.get("/").status_code == 200,
            timeout_s=2,
            what=f"the site answers again after {reply}",
        )
    client.connection_pool.disconnect()
    problems = [
        record
        for record in caplog.records
        if record.name == "gatehouse.redis" and record.levelname == "ERROR"
    ]
    assert {"NOPERM", "WRONGPASS", "CROSSSLOT"} <= {record.code for record in problems}  # type: ignore[attr-defined]
    assert all("GATEHOUSE_SITE_REDIS_URL" in record.getMessage() for record in problems)


def _store(proxy: FaultProxy, valkey: EmbeddedValkey) -> RedisGateway:
    client = build_client(proxy.url(valkey.url("api")), timeout_s=1, max_connections=1)
    return RedisGateway(
        client, unavailable=SessionStoreUnavailable, breaker=CircuitBreaker(open_s=0.01)
    )


def _answers(store: RedisGateway) -> bool:
    try:
        store.get("gatehouse:jobs:x")
    except SessionStoreUnavailable:
        return False
    return True


def _is_open(app: Flask, visitor: Visitor) -> bool:
    return ask(app, "/api/me", cookie=visitor.cookie).status_code == 200
