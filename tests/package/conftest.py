import fcntl
import os
from pathlib import Path

import pytest

from tests.package.environment import Environment, build


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The distribution as it is published, built once for all processes of a run."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # of all of them
    folder /= "wheel"
    folder.mkdir(exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        built = list(folder.glob("dist/*.whl"))
        return built[0] if built else build(folder)


@pytest.fixture(scope="session")
def client_environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """What ``pip install`` of the wheel gives."""
    return Environment(tmp_path_factory.mktemp("client") / "env", wheel)
