"""``wsgi.py --check`` as it is typed: what it reads and tries, and what it says."""

import logging
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import OperationalError

from deploy.redis.users import new_passwords
from deploy.redis.valkey import EmbeddedValkey
from django_site.publishing.background import RepeatedWork
from shared.settings import ROOT
from tests.e2e.prepared import clean_environment, prepared_database
from tests.ports import free_port
from tests.waiting import wait_until

Check = Callable[..., tuple[int, str, Sequence[str]]]


class WaitsForTheDatabase(RepeatedWork):
    """Work beside the requests whose database does not answer."""

    name, failure, log = "waiting", "waiting failed", logging.getLogger("gatehouse.waiting")

    def work(self) -> None:
        """Fail as a driver does."""
        self.get_new_connection()

    def get_new_connection(self) -> None:
        """Fail as that of a backend of Django's."""
        raise OperationalError("it is away\nIs the server running?")

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run it meanwhile."""
        self.start()
        try:
            yield
        finally:
            self.stop()


class FindsTheDatabaseLocked(WaitsForTheDatabase):
    """Work beside the requests whose database is there."""

    def work(self) -> None:
        """Fail as a driver does."""
        raise OperationalError("database is locked")


@pytest.fixture
def check(valkey: EmbeddedValkey, tmp_path: Path) -> Check:
    """Run it for a service that fits; return its code and what it says, warnings and errors by
    line. None takes a variable away."""
    shutil.copy(prepared_database()[1], tmp_path)
    environment = {
        **clean_environment(tmp_path),
        "GATEHOUSE_SITE_REDIS_URL": valkey.url("django"),
        "GATEHOUSE_API_REDIS_URL": valkey.url("api"),
        "GATEHOUSE_JOBS_REDIS_URL": valkey.url("worker"),
    }

    def run(**changed: str | None) -> tuple[int, str, Sequence[str]]:
        variables = {
            name: value for name, value in {**environment, **changed}.items() if value is not None
        }
        done = subprocess.run(
            [sys.executable, "wsgi.py", "--check"], cwd=ROOT, env=variables, capture_output=True,
            text=True, timeout=60, check=False,
        )  # fmt: skip
        lines = [line for line in done.stderr.splitlines() if "share one Redis" not in line]
        assert not [line for line in lines if not line.startswith("gatehouse: ")], done.stderr
        return done.returncode, done.stdout, lines

    return run


def test_check_reads_every_setting_and_says_nothing_of_what_is_as_it_should_be(
    check: Check,
) -> None:
    """A misspelt setting is a warning, wrong ones end it, all of them named;
    the write that Redis refuses the probe is no news."""
    code, said, warned = check(GATEHOUSE_DRAIN="3")
    assert code == 0, warned
    assert said.startswith("Both sides agree. ")
    assert ["GATEHOUSE_DRAIN is" in line for line in warned] == [True]
    wrong = {"GATEHOUSE_SECRET_KEY": None, "GATEHOUSE_DRAIN_S": "a", "GATEHOUSE_JOB_THREADS": "b"}
    code, _, (line,) = check(**wrong)
    assert (code, [name for name in wrong if f"{name}: it" in line]) == (2, list(wrong))
    code, _, warned = check(GATEHOUSE_EMAIL_URL="mail.example.org")
    assert (code, len(warned), "GATEHOUSE_EMAIL_URL" in warned[0]) == (2, 1, True)


def test_production_behind_a_proxy_that_is_not_trusted_is_warned_of(check: Check) -> None:
    """Nobody gets in: each request counts as plain HTTP."""
    code, _, (line,) = check(GATEHOUSE_PRODUCTION="true")
    assert (code, "GATEHOUSE_PRODUCTION without GATEHOUSE_TRUSTED_PROXY" in line) == (0, True)
    assert check(GATEHOUSE_PRODUCTION="true", GATEHOUSE_TRUSTED_PROXY="true")[2] == []


@pytest.mark.parametrize("role", ["gate", "django"])
def test_jobs_that_can_not_be_written_are_found(
    check: Check, valkey: EmbeddedValkey, role: str
) -> None:
    """By a write like a submit's; each user may read or log in."""
    code, said, (line,) = check(GATEHOUSE_JOBS_REDIS_URL=valkey.url(role))
    assert (code, said) == (1, "What must be corrected: 1.\n")
    assert "GATEHOUSE_JOBS_REDIS_URL: no job can be written" in line


def test_probe_of_jobs_leaves_nothing(check: Check, valkey: EmbeddedValkey) -> None:
    """Its entries are gone when it says that they could be written."""
    import redis

    with redis.Redis.from_url(valkey.url("admin")) as admin:
        assert check()[0] == 0
        assert list(admin.scan_iter("gatehouse:jobs:probe:*")) == []


def test_redis_that_a_start_refuses_is_found(check: Check, tmp_path: Path) -> None:
    """One that may lose jobs takes the probe's writes, and no start."""
    import redis

    with (
        EmbeddedValkey(tmp_path / "volatile", passwords=new_passwords()) as volatile,
        redis.Redis.from_url(volatile.url("admin")) as admin,
    ):
        jobs = {"GATEHOUSE_JOBS_REDIS_URL": volatile.url("worker")}
        admin.config_set("appendonly", "no")
        code, said, (line,) = check(**jobs)
        assert (code, said) == (1, "What must be corrected: 1.\n")
        assert "the jobs' Redis keeps no append-only file" in line
        assert check(**jobs, GATEHOUSE_ALLOW_VOLATILE_REDIS="true")[0] == 0


@pytest.mark.parametrize(
    ("kind", "said"),
    [("mysql", "Error loading MySQLdb module."), ("oracle", "No module named 'oracledb'")],
)
def test_database_without_a_driver_is_one_line(check: Check, kind: str, said: str) -> None:
    """It names the variable and what is missing, in Django's words or in Python's."""
    code, _, (line,) = check(DATABASE_URL=f"{kind}://me:hush-hush@127.0.0.1/x")
    assert code == 2
    assert line.startswith(f"gatehouse: DATABASE_URL: {said}"), line
    assert "hush" not in line


def test_database_that_can_not_be_used_is_found(check: Check, tmp_path: Path) -> None:
    """One that is away, one without tables, and one that isn't there, which is not made."""
    away = f"postgres://me:hush-hush@127.0.0.1:{free_port()}/x"
    absent, empty = tmp_path / "memory-lane.sqlite3", tmp_path / "empty.sqlite3"
    empty.touch()
    for url, found in (
        (away, "DATABASE_URL: the database can't be used: "),
        (f"sqlite:///{absent}", "there is no database at"),
        (f"sqlite:///{empty}", "lacks "),
    ):
        code, _, (line,) = check(DATABASE_URL=url)
        assert (code, found in line, "hush" in line) == (1, True, False), line
    assert not absent.exists()


def test_storage_that_takes_no_file_is_found(check: Check, tmp_path: Path) -> None:
    """Here it is a file, where a folder is wanted."""
    (tmp_path / "taken").touch()
    code, _, (line,) = check(GATEHOUSE_JOB_FILES_URL=f"file://{tmp_path / 'taken'}")
    assert (code, "GATEHOUSE_JOB_FILES_URL: no file can be stored there" in line) == (1, True), line


@pytest.mark.parametrize("executor", ["rq", "tests.contract.pools:threads"])
def test_storage_of_one_machine_is_warned_of_where_others_run_jobs(
    check: Check, tmp_path: Path, executor: str
) -> None:
    """The folder that is assumed is this machine's; one that somebody names may be everybody's."""
    elsewhere = {
        "GATEHOUSE_EXECUTORS": f'{{"processes": "{executor}"}}',
        "GATEHOUSE_WORKER_SECRETS": "s" * 40,
    }
    code, _, (line,) = check(**elsewhere)
    assert (code, f"{executor} may run jobs on other machines" in line) == (0, True), line
    assert "GATEHOUSE_JOB_FILES_URL" in line
    assert check(GATEHOUSE_JOB_FILES_URL=f"file://{tmp_path / 'all'}", **elsewhere)[2] == []


def test_server_whose_database_is_away_says_which_setting_names_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One line for each try of what runs beside the requests, and no traceback."""
    with WaitsForTheDatabase(every_s=0.01).running():
        wait_until(lambda: caplog.records != [], timeout_s=10, what="it is logged")
    first = caplog.records[0]
    assert first.getMessage() == "waiting failed; the database, see DATABASE_URL: it is away"
    assert first.exc_info is None


def test_work_whose_database_is_there_and_fails_is_logged_with_its_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Of a lock or a full disk somebody needs to know where it was met."""
    with FindsTheDatabaseLocked(every_s=0.01).running():
        wait_until(lambda: caplog.records != [], timeout_s=10, what="it is logged")
    first = caplog.records[0]
    assert first.getMessage() == "waiting failed"
    assert first.exc_info is not None
    assert "database is locked" in str(first.exc_info[1])
