"""``wsgi.py --check``: both sides' settings compared, and tried against Redis."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import redis
from pydantic import SecretStr

from deploy.redis.check import obstacles, require_usable, warnings
from deploy.redis.server_program import find_server
from deploy.redis.users import new_passwords
from deploy.redis.valkey import EmbeddedValkey
from shared.agreement import disagreements, probe, require_agreement
from shared.errors import ConfigurationError
from shared.settings import ApiSettings, WriterSettings
from tests.ports import free_port
from tests.waiting import wait_until

SECRET = "s" * 40
OTHER = "o" * 40


def _sides(valkey: EmbeddedValkey, **api: Any) -> tuple[WriterSettings, ApiSettings]:
    site = WriterSettings(session_secrets=(SECRET,), site_redis_url=SecretStr(valkey.url("django")))
    given: dict[str, Any] = {
        "session_secrets": (SECRET,),
        "api_redis_url": SecretStr(valkey.url("api")),
        **api,
    }
    return site, ApiSettings(**given)


def test_agreeing_sides_have_nothing_to_say(valkey: EmbeddedValkey) -> None:
    """The usual case: no disagreement, and the probe's session goes through."""
    site, api = _sides(valkey)
    assert disagreements(site, api) == []
    assert list(probe(site, api)) == []


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"session_cookie_name": "other"}, "GATEHOUSE_SESSION_COOKIE_NAME"),
        ({"session_absolute_s": 60}, "GATEHOUSE_SESSION_ABSOLUTE_S"),
        ({"api_prefix": "/other"}, "GATEHOUSE_API_PREFIX"),
        ({"login_url": "/other/"}, "GATEHOUSE_LOGIN_URL"),
        ({"production": True}, "GATEHOUSE_PRODUCTION"),
        ({"trusted_proxy": True}, "GATEHOUSE_TRUSTED_PROXY"),
        ({"forwarded_prefixes": ("/tools",)}, "GATEHOUSE_FORWARDED_PREFIXES"),
        ({"session_secrets": (OTHER,)}, "GATEHOUSE_SESSION_SECRETS"),
    ],
)
def test_disagreement_stops_the_start_and_names_the_variable(
    valkey: EmbeddedValkey, changed: dict[str, object], named: str
) -> None:
    """Each setting that must be equal is named; a secret's value is not."""
    site, api = _sides(valkey, **changed)
    with pytest.raises(ConfigurationError, match=named) as caught:
        require_agreement(site, api)
    assert SECRET not in str(caught.value)
    assert OTHER not in str(caught.value)


def test_rotation_in_the_right_order_is_no_disagreement(valkey: EmbeddedValkey) -> None:
    """The API may know a secret that the site does not sign with yet."""
    site, api = _sides(valkey, session_secrets=(OTHER, SECRET))
    assert disagreements(site, api) == []


def test_another_database_is_explained(valkey: EmbeddedValkey) -> None:
    """The API reads where the site does not write."""
    site, api = _sides(valkey, api_redis_url=SecretStr(valkey.url("api") + "?db=1"))
    (line,) = probe(site, api)
    assert "another Redis" in line
    assert "GATEHOUSE_SITE_REDIS_URL or GATEHOUSE_REDIS_URL with GATEHOUSE_API_REDIS_URL" in line


def test_user_that_may_write_sessions_is_explained(valkey: EmbeddedValkey) -> None:
    """Least privilege is checked, not assumed."""
    site, api = _sides(valkey, api_redis_url=SecretStr(valkey.url("admin")))
    assert list(probe(site, api)) == [
        "the API's Redis user may write sessions: name one that may not in "
        "GATEHOUSE_API_REDIS_URL (deploy/redis/users.acl)"
    ]


def test_one_url_for_both_sides_is_a_warning(valkey: EmbeddedValkey) -> None:
    """It is what docs/adopt.md begins with: nothing is wrong, and more is possible."""
    site, api = _sides(valkey, api_redis_url=SecretStr(valkey.url("django")))
    assert list(probe(site, api)) == []
    assert "GATEHOUSE_API_REDIS_URL" in next(warnings(site, api))
    assert not ["API_REDIS" in line for line in warnings(*_sides(valkey)) if "only read" in line]


def test_unreachable_redis_is_explained(valkey: EmbeddedValkey) -> None:
    """Which side, and which variable."""
    away = SecretStr("redis://127.0.0.1:1/0")
    site, api = _sides(valkey, api_redis_url=away)
    assert "GATEHOUSE_API_REDIS_URL" in next(probe(site, api))
    lost = site.model_copy(update={"site_redis_url": away})
    assert "GATEHOUSE_SITE_REDIS_URL" in next(probe(lost, api))


@pytest.mark.parametrize("role", ["api", "worker"])
def test_site_whose_user_may_not_write_sessions_is_explained(
    valkey: EmbeddedValkey, role: str
) -> None:
    """A sentence that names the variable, not a driver's traceback."""
    site, api = _sides(valkey)
    swapped = site.model_copy(update={"site_redis_url": SecretStr(valkey.url(role))})
    assert "GATEHOUSE_SITE_REDIS_URL" in "".join(probe(swapped, api))


def test_api_whose_user_may_not_read_sessions_is_explained(valkey: EmbeddedValkey) -> None:
    """A user that may do nothing is not the least privileged one: it would refuse everybody."""
    site, api = _sides(valkey, api_redis_url=SecretStr(valkey.url("worker")))
    assert "may not read sessions" in "".join(probe(site, api))


@pytest.mark.parametrize("role", ["django", "api"])
def test_users_of_an_earlier_version_are_explained(tmp_path: Path, role: str) -> None:
    """Who upgrades and keeps the old file of users hears of it before anybody is refused."""
    with EmbeddedValkey(tmp_path / "valkey", passwords=new_passwords()) as server:
        with redis.Redis.from_url(server.url("admin")) as admin:
            keys = "~gatehouse:session:*" if role == "django" else "%R~gatehouse:session:*"
            admin.execute_command("ACL", "SETUSER", role, "resetkeys", keys)
        (line,) = probe(*_sides(server))
    assert "sets of permissions" in line
    assert "users.acl" in line


def test_wrong_password_is_told_from_an_outage(valkey: EmbeddedValkey) -> None:
    """The fix is another one; the password is not repeated."""
    url = f"unix://api:not-the-password@{valkey.socket}"
    site, api = _sides(valkey, api_redis_url=SecretStr(url))
    (line,) = probe(site, api)
    assert "password of its URL: see GATEHOUSE_API_REDIS_URL" in line
    assert "not-the-password" not in line


def test_database_that_is_not_there_stops_the_start(valkey: EmbeddedValkey) -> None:
    """Named by its variable; while it serves it would be an outage that never ends."""
    site, api = _sides(valkey, api_redis_url=SecretStr(valkey.url("api") + "?db=99"))
    with pytest.raises(
        ConfigurationError,
        match=r"GATEHOUSE_API_REDIS_URL: .* no database of the "
        r"number",
    ) as caught:
        require_usable(site, api)
    assert list(obstacles(site, api)) == [caught.value.message]


def test_redis_that_is_away_stops_no_start(valkey: EmbeddedValkey) -> None:
    """It may come later; ``--check`` says so all the same."""
    site, api = _sides(valkey, jobs_redis_url=SecretStr("redis://127.0.0.1:1/0"))
    require_usable(site, api)
    assert list(obstacles(site, api)) == [
        "GATEHOUSE_JOBS_REDIS_URL: the Redis at 127.0.0.1:1 can't be used, connection refused: "
        "nobody listens there"
    ]
    assert list(warnings(site, api)) == []


def test_one_server_for_sessions_and_jobs_is_a_warning(valkey: EmbeddedValkey) -> None:
    """It works, until it is full of jobs."""
    site, api = _sides(valkey)
    assert list(obstacles(site, api)) == []
    assert "GATEHOUSE_JOBS_REDIS_URL" in "".join(warnings(site, api))


def test_servers_of_one_url_are_named_together(valkey: EmbeddedValkey) -> None:
    """Without its password. What Sentinels call otherwise is another server."""
    hosts = "redis+sentinel://api:topsecret@127.0.0.1:1,127.0.0.1:2/0"
    jobs = SecretStr(f"{hosts}?service=jobs")
    site, api = _sides(valkey, jobs_redis_url=jobs)
    assert list(obstacles(site, api)) == [
        "GATEHOUSE_JOBS_REDIS_URL: the Redis behind the Sentinels at 127.0.0.1:1,127.0.0.1:2 can't "
        "be used, connection refused: nobody listens there"
    ]
    for service, lines in (("sessions", 0), ("jobs", 1)):
        url = SecretStr(f"{hosts}?service={service}")
        site, api = _sides(valkey, jobs_redis_url=jobs, api_redis_url=url)
        assert len(list(warnings(site, api))) == lines


def test_node_of_a_cluster_is_said_to_be_named_wrongly(
    valkey: EmbeddedValkey, tmp_path: Path
) -> None:
    """In one line at start and in ``--check``,
    where a traceback about slots would come with the first request."""
    socket_path, port = tmp_path / "cluster.sock", free_port()
    command = [
        str(find_server()),
        "--port",
        str(port),
        "--cluster-port",
        str(free_port()),
        "--cluster-enabled",
        "yes",
    ]
    with subprocess.Popen(
        [*command, "--dir", str(tmp_path), "--unixsocket", str(socket_path)],
        stdout=subprocess.DEVNULL,
    ) as server:
        try:
            site, api = _sides(valkey, jobs_redis_url=SecretStr(f"unix://{socket_path}"))
            wait_until(
                lambda: "Redis Cluster" in "".join(obstacles(site, api)),
                timeout_s=10,
                what="the server answers",
            )
            with pytest.raises(
                ConfigurationError,
                match=r"GATEHOUSE_JOBS_REDIS_URL: .* Redis Cluster: name it as redis\+cluster://",
            ):
                require_usable(site, api)
            assert len(list(obstacles(site, api))) == 1
        finally:
            server.terminate()
