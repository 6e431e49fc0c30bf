"""The fixture of tests that make attempts themselves."""

from collections.abc import Iterator

import pytest

from tests.integration.engine.engine_bench import EngineBench
from tests.integration.engine.files.attempts_case import Case


@pytest.fixture
def case(bench: EngineBench) -> Iterator[Case]:
    """A job that runs, whose attempts a test makes."""
    case = Case(bench)
    yield case
    case.store.close()
