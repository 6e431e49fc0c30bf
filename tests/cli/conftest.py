"""One service for all tests of the command, and somebody who is logged in at it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command import Home, stop_forks
from tests.e2e.service import PERSON, ServiceProcess
from tests.integration.gate.gate_bench import SAMPLE_TASKS


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """A service with tasks that behave well and badly."""
    modules = f"flask_api.tasks.primes,{SAMPLE_TASKS},tests.cli.tasks"
    folder = tmp_path_factory.mktemp("service")
    # tests leave jobs that never end
    with ServiceProcess(folder, task_modules=modules, drain_s="1") as service:
        yield service


@pytest.fixture(scope="session", autouse=True)
def _forks_end() -> Iterator[None]:
    """End the process that commands are forked from."""
    yield
    stop_forks()


@pytest.fixture
def stranger(tmp_path: Path) -> Home:
    """The home of somebody who never logged in."""
    return Home(tmp_path / "home")


@pytest.fixture(scope="session")
def home(service: ServiceProcess, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The home of the service's person, who has logged in."""
    home = Home(tmp_path_factory.mktemp("home"))
    done = home.run(
        "login", service.address, "--username", PERSON, "--password-stdin", stdin=service.password
    )
    assert done.code == 0, done
    return home
