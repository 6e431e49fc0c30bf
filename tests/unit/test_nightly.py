"""What takes too long for the suite is run at night: nothing that asks for it is forgotten."""

import os
import re
from pathlib import Path

from shared.settings import ROOT

NIGHTLY = (ROOT / "script/nightly").read_text()
_ASKED = re.compile(r"NIGHTLY_[A-Z]+")


def long_tests() -> dict[str, set[str]]:
    """Return the variables that each test asks for when it is to take longer."""
    found = {
        path: set(_ASKED.findall(path.read_text())) for path in (ROOT / "tests").rglob("test_*.py")
    }
    return {
        str(path.relative_to(ROOT)): names
        for path, names in found.items()
        if names and path != Path(__file__)
    }


def test_every_test_that_can_take_longer_is_run_at_night() -> None:
    """By its path, with each variable that it asks for."""
    tests = long_tests()
    assert len(tests) > 5
    assert [test for test in sorted(tests) if test not in NIGHTLY] == []
    assert set().union(*tests.values()) - set(_ASKED.findall(NIGHTLY)) == set()


def test_what_is_run_at_night_is_there() -> None:
    """A part whose test has moved would fail each night for that alone."""
    assert os.access(ROOT / "script/nightly", os.X_OK)
    assert [
        path for path in re.findall(r"tests/\S+\.py", NIGHTLY) if not (ROOT / path).is_file()
    ] == []
