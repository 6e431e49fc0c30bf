"""Contract tests of the job engine run on the bench that its integration tests use."""

from collections.abc import Iterator

import pytest

from flask_api.jobs.records.job import Owner
from tests.contract.job_place import Place
from tests.integration.engine.engine_bench import EngineBench, new_owner
from tests.integration.engine.engine_fixtures import bench, engine_valkey

__all__ = ["bench", "engine_valkey"]


@pytest.fixture
def place(bench: EngineBench) -> Iterator[Place]:
    """A store and a ledger as the API opens them."""
    place = Place(bench)
    yield place
    place.connections.close()


@pytest.fixture
def owner() -> Owner:
    """A person nobody else is."""
    return new_owner()
