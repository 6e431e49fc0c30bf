"""One real service for the tests of the client, and a person with a key for it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatehouse import Client, Executor
from tests.e2e.service import ServiceProcess
from tests.integration.gate.gate_bench import SAMPLE_TASKS

SOON_S = 15
PLACES = 20  # how many streams and long-polls of one person the service holds at once
TASK_MODULES = f"flask_api.tasks.primes,{SAMPLE_TASKS},tests.client.client_tasks"


def new_keys(service: ServiceProcess, *, count: int) -> list[str]:
    """Return a key for each of so many new people. Once for each service:
    they are named alike each time."""
    people = json.loads(service.run("-m", "tests.e2e.site_side", "people", str(count)))
    return [person["key"] for person in people]


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """A service that the tests of this folder share."""
    with ServiceProcess(
        tmp_path_factory.mktemp("client-service"),
        task_modules=TASK_MODULES,
        max_parked_person=str(PLACES),
    ) as running:
        yield running


@pytest.fixture(scope="session")
def keys(service: ServiceProcess) -> list[str]:
    """The keys of four people; the first is the one that most tests act as,
    the last is revoked by one."""
    return new_keys(service, count=4)


@pytest.fixture(scope="session")
def key(keys: list[str]) -> str:
    """The key of one person."""
    return keys[0]


@pytest.fixture
def client(service: ServiceProcess, key: str) -> Iterator[Client]:
    """A client that acts as that person."""
    with Client(service.address, key, patience_s=5) as made:
        yield made


@pytest.fixture
def executor(client: Client) -> Iterator[Executor]:
    """An executor that is shut down at the end."""
    with Executor(client, patience_s=10) as made:
        yield made


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """A file whose presence lets the holding jobs of a test end."""
    file = tmp_path / "gate"
    yield file
    file.touch()
