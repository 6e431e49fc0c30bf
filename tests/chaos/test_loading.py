"""A server that starts while Redis still reads its append-only file."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
import redis
from pydantic import SecretStr
from redis.exceptions import RedisError

from deploy.redis.server_program import find_server
from deploy.redis.users import new_passwords
from deploy.redis.valkey import EmbeddedValkey
from flask_api.jobs.engine import JobEngine
from flask_api.jobs.records.job import Owner
from flask_api.jobs.records.job_reader import open_job_connections
from flask_api.jobs.tasks.registry import AnyTask, TaskRegistry
from flask_api.jobs.tasks.task import task
from shared.errors import JobStoreUnavailable
from shared.redis import build_client
from shared.settings import ApiSettings, load_settings
from tests.waiting import wait_until

_KEYS = 20_000
_DELAY_US = "100"  # for each key that is read: two seconds in all; after each thousand it answers


@task("loading.echo")
def echo() -> str:
    """Be there."""
    return "here"


@pytest.fixture
def loading(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    """A Valkey that takes a while to read what it holds."""
    valkey = EmbeddedValkey(tmp_path / "valkey", passwords=new_passwords())
    with valkey:
        admin = build_client(valkey.url("admin"), timeout_s=5, max_connections=1)
        with admin.pipeline(transaction=False) as pipeline:
            for number in range(_KEYS):
                pipeline.set(f"key:{number}", number)
            pipeline.execute()
        admin.close()
    command = [
        str(find_server()),
        str(valkey.folder / "valkey.conf"),
        "--key-load-delay",
        _DELAY_US,
    ]
    with subprocess.Popen(command) as process:
        yield valkey
        process.kill()


def is_loading(valkey: EmbeddedValkey) -> bool:
    """Tell whether it answers and says that it reads its data. By redis-py alone:
    our client refuses one that loads."""
    with redis.Redis.from_url(valkey.url("admin"), socket_timeout=2) as admin:
        try:
            return bool(admin.info("persistence")["loading"])
        except RedisError:
            return False


def test_start_while_redis_reads_its_file_waits_for_it(loading: EmbeddedValkey) -> None:
    """It says of itself then that it keeps no append-only file;
    that must not end the server, only make it wait."""
    settings = load_settings(ApiSettings).model_copy(
        update={"jobs_redis_url": SecretStr(loading.url("api"))}
    )
    store = open_job_connections(settings)
    engine = JobEngine(store, TaskRegistry([cast(AnyTask, echo)]), settings)
    wait_until(lambda: is_loading(loading), timeout_s=5)
    engine.start()
    try:
        with pytest.raises(JobStoreUnavailable):
            engine.submit("loading.echo", {}, owner=Owner(id="1", username="ada"))

        def accepts() -> bool:
            try:
                engine.submit("loading.echo", {}, owner=Owner(id="1", username="ada"))
            except JobStoreUnavailable:
                return False
            return True

        wait_until(accepts, timeout_s=10)
    finally:
        engine.shutdown(deadline_s=5)
        store.close()
