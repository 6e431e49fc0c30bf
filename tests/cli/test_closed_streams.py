"""The command where who started it has closed a standard stream: ``gatehouse ... <&- &``."""

import subprocess

import pytest

from tests.cli.command import COMMAND, DEADLINE_S, Done, Home

SUM = ("submit", "primes.sum", "limit=10", "--wait")


@pytest.mark.parametrize("closed", ["<&-", "2>&-", "<&- 2>&-"])
def test_job_ends_as_it_ends_where_nobody_types_or_listens(home: Home, closed: str) -> None:
    """stdin is empty, what is said is heard by nobody; the result and the code are the job's."""
    done = _run(home, closed, *SUM)
    assert (done.code, done.out, done.err) == (0, "17\n", "")


@pytest.mark.parametrize("words", [SUM, SUM[:3], ("jobs",), ("--version",)])
def test_data_that_go_nowhere_are_7(home: Home, words: tuple[str, ...]) -> None:
    """Nothing is written, and the code says so: not that the job failed."""
    done = _run(home, ">&-", *words)
    assert done.code == 7
    assert done.line == "gatehouse: stdout can't be written: Bad file descriptor"
    assert _run(home, "<&- >&- 2>&-", *words).code == 7


def test_question_is_not_asked_where_stdin_is_closed(home: Home) -> None:
    """A password can't come from there."""
    done = _run(home, "<&-", "keys", "list")
    assert done.code == 2
    assert "there is no terminal to ask on" in done.line


def _run(home: Home, closed: str, *words: str) -> Done:
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", *COMMAND, *words],
        cwd=home.folder,
        env=home.environment,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    return Done(code=done.returncode, out=done.stdout, err=done.stderr)
