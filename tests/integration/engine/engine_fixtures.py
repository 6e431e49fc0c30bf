"""The fixtures of tests of the job engine, for the conftest.py of every folder that has some."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.redis.users import new_passwords
from deploy.redis.valkey import EmbeddedValkey
from flask_api.jobs.engine import JobEngine
from tests.integration.engine import sample_tasks
from tests.integration.engine.engine_bench import EngineBench


@pytest.fixture(scope="session")
def engine_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    """A Valkey for tests of the job engine alone:
    their instances would take over other tests' jobs."""
    with EmbeddedValkey(
        tmp_path_factory.mktemp("engine") / "valkey", passwords=new_passwords()
    ) as server:
        yield server


@pytest.fixture
def bench(engine_valkey: EmbeddedValkey, tmp_path: Path) -> Iterator[EngineBench]:
    """Engines on an empty Valkey; a job that waits for the event waits for this test's."""
    sample_tasks.RELEASE.clear()
    sample_tasks.RELEASED.clear()
    bench = EngineBench(engine_valkey, tmp_path)
    bench.admin.flushall()
    yield bench
    bench.close()


@pytest.fixture
def engine(bench: EngineBench) -> JobEngine:
    """A started engine."""
    return bench.start()
