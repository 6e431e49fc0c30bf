"""Who may do what in Redis: deploy/redis/users.acl,
tried against the real server with the clients that Gatehouse builds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import AuthenticationError, NoPermissionError

from deploy.redis.valkey import EmbeddedValkey
from flask_api.gate.key_usage import KeyUsage
from shared.contract.entries import KEY_NEWS_ENTRY
from shared.contract.gone import GONE_LATEST, GonePeople
from shared.contract.signing import EntrySigner
from shared.errors import SessionStoreUnavailable
from shared.redis import RedisGateway, build_client
from tests.integration.redis.acl_clients import (
    CONTRACT,
    GONE,
    JOB,
    KEY,
    PRINCIPAL,
    SESSION,
    Clients,
    clients,
    refused,
    server,
)

__all__ = ["clients", "server"]


WRITES = [
    ("SET", "{entry}", "forged"),
    ("SET", "{entry}", "forged", "XX", "KEEPTTL"),
    ("SETEX", "{entry}", 10, "forged"),
    ("SETNX", "{entry}", "forged"),
    ("MSET", "{entry}", "forged"),
    ("GETSET", "{entry}", "forged"),
    ("GETEX", "{entry}", "EX", 10),
    ("GETEX", "{entry}", "PERSIST"),
    ("GETDEL", "{entry}"),
    ("APPEND", "{entry}", "x"),
    ("SETRANGE", "{entry}", 0, "x"),
    ("INCR", "{entry}"),
    ("EXPIRE", "{entry}", 1),
    ("PEXPIREAT", "{entry}", 1),
    ("PERSIST", "{entry}"),
    ("DEL", "{entry}"),
    ("UNLINK", "{entry}"),
    ("COPY", "{entry}", "gatehouse:jobs:copy"),
    ("COPY", "gatehouse:jobs:job:1", "{entry}", "REPLACE"),
    ("RENAME", "{entry}", "gatehouse:jobs:moved"),
    ("RENAME", "gatehouse:jobs:job:1", "{entry}"),
    ("RESTORE", "{entry}", 0, "x", "REPLACE"),
    ("MIGRATE", "127.0.0.1", 1, "{entry}", 0, 10),
    ("SORT", "{entry}", "STORE", "{entry}"),
    ("HSET", "{entry}", "a", 1),
    ("SADD", "{entry}", "a"),
    ("ZADD", "{entry}", 1, "a"),
    ("LPUSH", "{entry}", "a"),
    ("XADD", "{entry}", "*", "a", 1),
    ("MOVE", "{entry}", 1),
]


@pytest.mark.parametrize("entry", CONTRACT)
@pytest.mark.parametrize("command", WRITES, ids=lambda command: " ".join(map(str, command)))
def test_api_writing_what_django_owns_is_refused(
    clients: Clients, command: tuple[Any, ...], entry: str
) -> None:
    """No command of the API's user changes, moves or ends a session, principal or key."""
    filled = [word.format(entry=entry) if isinstance(word, str) else word for word in command]
    assert refused(clients["api"], *filled)
    assert clients["admin"].get(entry) == "signed"
    assert 990 <= clients["admin"].ttl(entry) <= 1000


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize(
    "command", ["'SET', {0}, 'forged'", "'DEL', {0}", "'EXPIRE', {0}, 1", "'GETEX', {0}, 'EX', 9"]
)
def test_api_writing_a_session_from_a_script_is_refused(
    clients: Clients, command: str, declared: bool
) -> None:
    """A script has its user's rights, whether it names the entry in KEYS or hides it."""
    call = command.format("KEYS[1]" if declared else "ARGV[1]")
    script, keys = f"return redis.call({call})", [SESSION] if declared else []
    values = [] if declared else [SESSION]
    with pytest.raises(Exception, match=r"(?i)permission|ACL failure|can't access"):
        clients["api"].eval(script, len(keys), *keys, *values)
    assert clients["admin"].get(SESSION) == "signed"


def test_api_writing_a_session_in_a_transaction_is_refused(clients: Clients) -> None:
    """MULTI opens no side door: the whole transaction is refused."""
    with clients["api"].pipeline(transaction=True) as pipeline:
        pipeline.set("gatehouse:jobs:job:2", "x")
        pipeline.set(SESSION, "forged")
        with pytest.raises(NoPermissionError):
            pipeline.execute()
    assert clients["admin"].get(SESSION) == "signed"
    assert clients["admin"].exists("gatehouse:jobs:job:2") == 0


def test_api_reading_the_contract_is_allowed(clients: Clients) -> None:
    """The gate's reads, alone and in a read-only script, work.
    (EVAL itself claims to write each of its KEYS.)"""
    api = clients["api"]
    assert [api.get(entry) for entry in CONTRACT] == ["signed"] * len(CONTRACT)
    assert api.mget(*CONTRACT) == ["signed"] * len(CONTRACT)
    assert api.pttl(SESSION) > 0
    assert api.eval_ro("return redis.call('GET', KEYS[1])", 1, SESSION) == "signed"


def test_gate_beside_a_jobs_server_of_its_own_does_what_the_gate_needs(clients: Clients) -> None:
    """It reads the contract and who is gone, and notes from where keys are used:
    the first use of a network is mailed."""
    admin, gate = (
        clients["admin"],
        RedisGateway(clients["gate"], unavailable=SessionStoreUnavailable),
    )
    admin.zadd(GONE_LATEST, {"7": 5})
    assert GonePeople(gate, EntrySigner(["x" * 32])).marked_after(4, limit=9) == [("7", 5)]
    KeyUsage(gate).note("12", "203.0.113.0/24")
    assert admin.zrange(KEY_NEWS_ENTRY, 0, -1) == ["12 203.0.113.0/24"]
    assert [clients["gate"].get(entry) for entry in CONTRACT] == ["signed"] * len(CONTRACT)
    for entry in (*CONTRACT, JOB):
        assert refused(clients["gate"], "SET", entry, "forged")
        with pytest.raises(Exception, match=r"(?i)permission|ACL failure"):
            clients["gate"].eval("return redis.call('DEL', KEYS[1])", 1, entry)


def test_api_working_on_jobs_is_allowed(clients: Clients) -> None:
    """What a job engine needs: every structure, scripts with the server's time, transactions,
    blocking reads, key use."""
    api = clients["api"]
    api.hset("gatehouse:jobs:h", mapping={"status": "queued"})
    api.lpush("gatehouse:jobs:l", "1")
    api.zadd("gatehouse:jobs:z", {"1": 1})
    api.sadd("gatehouse:jobs:s", "1")
    api.xadd("gatehouse:jobs:x", {"event": "started"}, maxlen=10)
    assert api.xread({"gatehouse:jobs:x": "0"}, block=10)
    assert api.lmove("gatehouse:jobs:l", "gatehouse:jobs:m") == "1"
    script = api.register_script(
        "redis.call('SET', KEYS[1], redis.call('TIME')[1]) return redis.call('EXPIRE', KEYS[1], 9)"
    )
    assert script(keys=["gatehouse:jobs:t"]) == 1
    with api.pipeline(transaction=True) as pipeline:
        watch: Callable[[str], Any] = pipeline.watch
        watch(JOB)
        pipeline.multi()
        pipeline.delete(JOB)
        assert pipeline.execute() == [1]
    assert api.set("gatehouse:key-used:12", "1") is True
    assert set(api.scan_iter("gatehouse:jobs:h")) == {"gatehouse:jobs:h"}
    assert api.info("persistence")["aof_enabled"] == 1
    assert api.info("memory")["maxmemory_policy"] == "noeviction"


def test_django_owning_the_contract_is_allowed(clients: Clients) -> None:
    """Django makes, renews and ends what the API may only read."""
    django = clients["django"]
    assert django.set(SESSION, "new", ex=60, xx=True) is True
    assert django.set("gatehouse:session:" + "c" * 64, "new", ex=60, nx=True) is True
    assert django.sadd("gatehouse:sessions-of:7", SESSION) == 1
    assert django.eval("return redis.call('DEL', KEYS[1])", 1, SESSION) == 1
    for entry in (
        PRINCIPAL,
        KEY,
        GONE,
        "gatehouse:key-used:12",
        "gatehouse:cache:1",
        "gatehouse:lock:1",
    ):
        assert django.set(entry, "x", ex=60) is True
        assert django.delete(entry) == 1


@pytest.mark.parametrize(
    ("role", "entry"),
    [
        ("django", JOB),
        ("django", "rq:job:1"),
        ("django", "anything"),
        ("api", "gatehouse:sessions-of:7"),
        ("api", "gatehouse:cache:1"),
        ("api", "gatehouse:lock:1"),
        ("api", "anything"),
        ("worker", SESSION),
        ("worker", PRINCIPAL),
        ("worker", KEY),
        ("worker", GONE),
        ("worker", "gatehouse:sessions-of:7"),
        ("worker", "gatehouse:key-used:12"),
        ("worker", "anything"),
    ],
)
def test_role_touching_what_is_not_its_own_is_refused(
    clients: Clients, role: str, entry: str
) -> None:
    """Beyond its own entries a role neither reads nor writes."""
    assert refused(clients[role], "GET", entry)
    assert refused(clients[role], "SET", entry, "x")


def test_worker_working_on_jobs_is_allowed(clients: Clients) -> None:
    """A worker takes jobs and writes outcomes."""
    worker = clients["worker"]
    assert worker.get(JOB) == "signed"
    assert worker.set(JOB, "done") is True
    assert worker.blpop(["gatehouse:jobs:empty"], timeout=0.01) is None


@pytest.mark.parametrize("role", ["django", "api", "worker"])
@pytest.mark.parametrize(
    "command",
    [
        "ACL LIST",
        "ACL SETUSER api ~*",
        "CLIENT LIST",
        "CLIENT KILL TYPE normal",
        "CLIENT PAUSE 1000",
        "CONFIG GET *",
        "CONFIG SET appendonly no",
        "FLUSHALL",
        "FLUSHDB",
        "FUNCTION FLUSH",
        "KEYS *",
        "MODULE LIST",
        "MONITOR",
        "PUBLISH channel x",
        "RANDOMKEY",
        "REPLICAOF NO ONE",
        "SAVE",
        "SCRIPT FLUSH",
        "SHUTDOWN NOSAVE",
        "SUBSCRIBE channel",
        "SWAPDB 0 1",
    ],
)
def test_role_administering_the_server_is_refused(
    clients: Clients, role: str, command: str
) -> None:
    """No part that serves requests can look at others, change the server or stop it."""
    assert refused(clients[role], *command.split())


@pytest.mark.parametrize("role", ["django", "api", "worker", "admin"])
def test_client_connecting_leaves_the_acl_log_empty(clients: Clients, role: str) -> None:
    """What our client sends on connect is permitted to every role:
    a refusal in the log always means something."""
    assert clients[role].ping() is True
    assert clients["admin"].acl_log() == []


def test_refusal_is_in_the_acl_log(clients: Clients) -> None:
    """The log that other tests find empty does fill."""
    assert refused(clients["api"], "SET", SESSION, "forged")
    assert [entry["username"] for entry in clients["admin"].acl_log()] == ["api"]


@pytest.mark.parametrize("credentials", ["", "api:wrong@", "default:@", "nobody:x@"])
def test_client_without_the_password_is_refused(server: EmbeddedValkey, credentials: str) -> None:
    """There is no way in without a user and the right password."""
    client = build_client(f"unix://{credentials}{server.socket}", timeout_s=1, max_connections=1)
    with pytest.raises(AuthenticationError):
        client.ping()
    client.connection_pool.disconnect()


def test_acl_template_names_no_password() -> None:
    """The file that operators copy holds places for digests only."""
    users = Path("deploy/redis/users.acl").read_text()
    assert users.count("_sha256}") == 6  # five users, one in the instructions
    assert "nopass" not in users
