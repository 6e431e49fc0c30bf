from pathlib import Path

import pytest

from tests.package.environment import build


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The distribution as it is published."""
    return build(tmp_path_factory.mktemp("build"))
