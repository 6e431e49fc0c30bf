"""A task in a child process is somebody's code:
it is given nothing that opens a session or the database."""

import os
from collections.abc import Iterator

from pydantic import SecretStr

from flask_api.jobs.workers.child import settings_for_child
from shared.settings import ApiSettings
from tests.integration.engine.engine_bench import EngineBench


def test_task_in_a_child_is_given_no_secret(bench: EngineBench) -> None:
    """Neither what signs sessions, nor Django's key, nor a way to the sessions' Redis;
    nor does a program it starts."""
    jobs = bench.valkey.url("worker")
    engine = bench.start(jobs_redis_url=SecretStr(jobs))
    seen = "\n".join(bench.run(engine, "child.look_around").result)
    hidden = ("SESSION_SECRETS", "SECRET_KEY", "SITE_REDIS_URL", "API_REDIS_URL")
    secrets = [os.environ[f"GATEHOUSE_{name}"] for name in hidden]
    assert [secret for secret in secrets if secret in seen] == []
    assert bench.valkey.url("api") not in seen
    assert jobs in seen


def test_settings_of_a_child_hold_no_secret_but_where_jobs_are() -> None:
    """Whatever secrets the settings have by now, or will have: they travel to children, and with an
    executor of somebody's to a cluster."""
    given = ApiSettings(
        session_secrets=("s" * 40,),
        worker_secrets=("w" * 40,),
        audience_secrets={"reports": "a" * 40},
        redis_url="redis://:sessions@127.0.0.1/0",
        jobs_redis_url="redis://:jobs@127.0.0.1/1",
    )
    kept = settings_for_child(given)
    jobs = given.job_store_url
    for name in ApiSettings.model_fields:
        secrets = set(_secrets(getattr(kept, name)))
        assert secrets <= {jobs}, name
        if secrets or set(_secrets(getattr(given, name))) == set():
            continue
        assert not getattr(kept, name), name


def _secrets(value: object) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, dict):
        yield from (text for each in value.values() for text in _secrets(each))
    elif isinstance(value, tuple):
        yield from (text for each in value for text in _secrets(each))
