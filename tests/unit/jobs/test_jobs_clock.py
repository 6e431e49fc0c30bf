"""The clock that decides: Redis'."""

import time

from shared.clock import ServerClock
from shared.settings import ROOT

_ABOUT_JOBS = ("jobs", "http", "streams", "views")
# A file's time is its machine's: what a killed process left on this disk.
_ABOUT_FILES = {"row_files.py"}


def test_clock_says_what_the_server_said() -> None:
    """Before it was told, its own machine's."""
    clock = ServerClock()
    assert abs(clock.now() - time.time()) < 1
    clock.learn(1_000.0, asked_at=time.monotonic())
    assert 1_000 <= clock.now() < 1_030
    assert clock.moment().year == 1970


def test_answer_that_took_long_moves_no_clock_within_that_time() -> None:
    """Nobody knows when in that time the server looked at its own; beyond it, it is news."""
    clock = ServerClock()
    clock.learn(1_000.0, asked_at=time.monotonic())
    clock.learn(1_010.0, asked_at=time.monotonic() - 40)
    assert clock.now() < 1_020
    clock.learn(2_000.0, asked_at=time.monotonic())
    assert clock.now() >= 2_000


def test_nothing_about_jobs_asks_the_machine_what_time_it_is() -> None:
    """Machines' clocks differ: who writes or compares a time of a job asks JOBS_CLOCK."""
    asking = [
        str(path.relative_to(ROOT))
        for folder in _ABOUT_JOBS
        for path in (ROOT / "flask_api" / folder).rglob("*.py")
        if path.name not in _ABOUT_FILES
        and any(word in path.read_text() for word in ("time.time(", ".now(UTC", "utcnow("))
    ]
    assert asking == []
