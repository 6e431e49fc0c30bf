"""Numbers of the workers on other machines."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from pydantic import SecretStr

from deploy.redis.users import new_passwords
from deploy.redis.valkey import EmbeddedValkey
from flask_api.gate.state import gate_state
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job_reader import open_job_connections
from flask_api.jobs.records.roster import Roster, WorkerKind, WorkerName
from flask_api.testing import running_api
from shared.settings import ApiSettings
from tests.integration.api.metrics.metrics_bench import scrape
from tests.integration.gate.gate_bench import SAMPLE_TASKS
from tests.waiting import wait_until

FIRST = ("gatehouse_workers", "gatehouse_worker_slots", "gatehouse_worker_slots_busy")


@pytest.fixture
def app(api_settings: ApiSettings, tmp_path: Path) -> Iterator[Flask]:
    """The API with the sample tasks, which all run on workers elsewhere."""
    with EmbeddedValkey(tmp_path / "valkey", passwords=new_passwords()) as valkey:
        url = SecretStr(valkey.url("api"))
        secrets = (SecretStr("s" * 40),)
        changes = {"jobs_redis_url": url, "executors": {"*": "rq"}, "worker_secrets": secrets}
        with running_api(api_settings, task_modules=(SAMPLE_TASKS,), **changes) as app:
            yield app


def test_workers_elsewhere_are_counted_by_executor_and_labels(app: Flask) -> None:
    """None at first; then with their slots and what they run; of what strangers register no
    more than a few series."""
    wait_until(
        lambda: scrape(app).of("gatehouse_workers", executor="rq", labels="") == 0,
        timeout_s=30,
        what="it is known that nobody is there",
    )
    store = open_job_connections(gate_state(app).settings)
    roster = Roster(store)

    def register(carrier: str, slots: int, *labels: str) -> WorkerName:
        kind = WorkerKind(carrier, frozenset({"sample.echo"}), labels)
        name = WorkerName.new(kind, slots)
        roster.beat(name, kind, free=(), register=True)
        return name

    busy = register("rq", 4, "gpu", "big")
    register("rq", 2, "big", "gpu")
    register("celery-rabbitmq", 3)
    store.write(lambda client: client.sadd(keyspace.held(busy.text), "a", "b", "c"))
    numbers = scrape(app)
    found = [numbers.of(name, executor="rq", labels="big,gpu") for name in FIRST]
    assert found == [2, 6, 3]
    assert [numbers.of(name, executor="celery", labels="") for name in FIRST] == [1, 3, 0]
    age = numbers.of("gatehouse_worker_beat_age_seconds", executor="rq", labels="big,gpu")
    assert age is not None
    assert 0 <= age < 60
    assert numbers.of("gatehouse_workers", executor="rq", labels="") is None, "there are some"
    for number in range(30):
        register(f"made-up-{number}", 1, f"label-{number}" * (number + 1))
    numbers = scrape(app)
    series = [dict(labels) for name, labels in numbers.series if name == "gatehouse_workers"]
    assert len(series) <= 21
    assert {each["executor"] for each in series} == {"rq", "celery", "other"}
    assert max(len(each["labels"]) for each in series) <= 100
    assert sum(numbers.of("gatehouse_workers", **each) or 0 for each in series) == 33
    store.close()
