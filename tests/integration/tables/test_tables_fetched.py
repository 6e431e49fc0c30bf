"""Rows that are stored elsewhere: a slow storage holds up nobody who reads other rows."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from flask_api.http import row_files
from flask_api.http.state import api_state
from flask_api.jobs.records.job import Job, Owner
from flask_api.testing import running_api
from shared.settings import ApiSettings
from tests.integration.gate.gate_bench import Visitor, ask, new_visitor
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("site")

AT_ONCE_S = 20  # of the 60 that a reader waits here for a place
SORTED = "rows?sort=1"


class Elsewhere:
    """Says that some jobs' files are no local ones; the slow ones come when they are let."""

    def __init__(self, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
        self.jobs: set[str] = set()
        self.slow: set[str] = set()
        self.asked: list[str] = []
        self._free = threading.Event()
        self._app = app
        engine = api_state(app).engine
        self._find_path, self._open_file = engine.job_files.find_path, engine.open_file
        monkeypatch.setattr(engine.job_files, "find_path", self._path)
        monkeypatch.setattr(engine, "open_file", self._opened)

    def run(self, visitor: Visitor, *, is_slow: bool = False) -> str:
        """Run a job whose rows are elsewhere; return its id."""
        job = run(self._app, visitor)
        self.jobs.add(job)
        if is_slow:
            self.slow.add(job)
        return job

    @contextmanager
    def readers(self, *asked: tuple[Visitor, str, str]) -> Iterator[list[Future[int]]]:
        """Have each of these read a job of slow rows, until the ``with`` ends."""
        rows = api_state(self._app).rows
        with ThreadPoolExecutor(len(asked)) as pool:
            reads = [pool.submit(_status, self._app, *each) for each in asked]
            try:
                wait_until(lambda: sum(rows._in_use.values()) == len(asked), timeout_s=20)
                yield reads
            finally:
                self._free.set()

    def _path(self, job_id: str, name: str) -> Path | None:
        return None if job_id in self.jobs else self._find_path(job_id, name)

    def _opened(self, job: Job, name: str) -> BinaryIO:
        if job.id in self.jobs:
            self.asked.append(job.id)
        if job.id in self.slow:
            assert self._free.wait(120)
        return self._open_file(job, name)


@pytest.fixture
def app(
    api_settings: ApiSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Flask]:
    """The API, whose readers wait for very long."""
    monkeypatch.setattr(row_files, "WAIT_S", 60)
    with running_api(
        api_settings,
        task_modules=("tests.integration.tables.row_tasks",),
        job_files_url=f"file://{tmp_path / 'files'}",
        job_processes=1,
    ) as app:
        yield app


@pytest.fixture
def elsewhere(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Elsewhere:
    """A storage that is no local folder."""
    return Elsewhere(app, monkeypatch)


@pytest.fixture
def visitor(site: None) -> Visitor:
    """Somebody who is logged in."""
    return new_visitor()


def run(app: Flask, visitor: Visitor) -> str:
    """Run a job that keeps rows to its end; return its id."""
    body = {"task": "rows.keep", "arguments": {}}
    answer = ask(app, "/api/jobs?wait=20", method="POST", cookie=visitor.cookie, json=body)
    assert answer.status_code == 202, answer.get_json()
    return str(answer.get_json()["id"])


def read(app: Flask, visitor: Visitor, job: str, what: str = "rows") -> TestResponse:
    """Ask for a job's rows, and take them whole."""
    answer = ask(app, f"/api/jobs/{job}/{what}", cookie=visitor.cookie)
    answer.get_data()
    answer.close()
    return answer


def at_once(app: Flask, visitor: Visitor, job: str, what: str = "rows") -> int:
    """Return how the request is answered while others wait; fail if it waits as they do."""
    answers: list[int] = []
    asking = threading.Thread(
        target=lambda: answers.append(read(app, visitor, job, what).status_code), daemon=True
    )
    asking.start()
    asking.join(AT_ONCE_S)
    assert answers, f"{what} waited"
    return answers[0]


@pytest.mark.parametrize("of_one_job", [True, False])
def test_slow_fetches_of_one_person_hold_up_nobody_else(
    app: Flask, visitor: Visitor, elsewhere: Elsewhere, of_one_job: bool
) -> None:
    """As many readers as there are places, of one job or of as many:
    another's rows come, from here and from elsewhere."""
    other, count = new_visitor(), row_files.READERS
    here, there = run(app, other), elsewhere.run(other)
    jobs = [elsewhere.run(visitor, is_slow=True) for _ in range(1 if of_one_job else count)]
    asked = [(visitor, job, "rows") for job in jobs * (count // len(jobs))]
    with elsewhere.readers(*asked) as reads:
        assert at_once(app, other, here) == 200
        assert at_once(app, other, there) == 200
        fetched = [job for job in elsewhere.asked if job in jobs]
        assert len(fetched) == (1 if of_one_job else row_files.FETCHES_OWNER)
    assert [each.result(20) for each in reads] == [200] * count
    rows = api_state(app).rows
    assert not rows._fetches
    assert not rows._fetching
    assert sorted(elsewhere.asked) == sorted([there, *jobs]), "each was fetched once"


@pytest.mark.parametrize("what", [SORTED, "table"])
def test_slow_fetches_take_no_turns_of_those_who_search(
    app: Flask, visitor: Visitor, elsewhere: Elsewhere, what: str
) -> None:
    """Two people sort or copy slow rows, as many as may at once; a third one does the same."""
    other, people = new_visitor(), (visitor, new_visitor())
    assert len(people) == row_files.LONG_READERS
    here = run(app, other)
    asked = [(person, elsewhere.run(person, is_slow=True), what) for person in people]
    with elsewhere.readers(*asked) as reads:
        assert at_once(app, other, here, what) == 200
    assert [each.result(20) for each in reads] == [200] * 2


def test_fetches_are_bounded(
    app: Flask, visitor: Visitor, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When all places are taken, the next one is told when to come back, and then gets the rows."""
    second, other = new_visitor(), new_visitor()
    there = elsewhere.run(other)
    asked = [
        (person, elsewhere.run(person, is_slow=True), "rows")
        for person in (visitor, second)
        for _ in range(row_files.FETCHES_OWNER)
    ]
    with elsewhere.readers(*asked) as reads:
        wait_until(lambda: len(elsewhere.asked) == row_files.FETCHES, timeout_s=20)
        monkeypatch.setattr(row_files, "WAIT_S", 0.05)
        busy = read(app, other, there)
        assert (busy.status_code, busy.get_json()["code"]) == (503, "rows_busy")
        monkeypatch.setattr(row_files, "WAIT_S", 60)
    assert [each.result(20) for each in reads] == [200] * row_files.FETCHES
    assert read(app, other, there).status_code == 200


def test_copies_in_use_beyond_the_limit_go_with_their_readers(
    app: Flask, visitor: Visitor, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None goes while somebody reads it, and no more than the limit stay when they have read."""
    monkeypatch.setattr(row_files, "COPIES", 1)
    rows, engine = api_state(app).rows, api_state(app).engine
    owner = Owner(id=str(visitor.person.pk), username=visitor.person.username)
    jobs = [engine.get(elsewhere.run(visitor), viewer=owner) for _ in range(3)]
    with ExitStack() as reading:
        paths = [reading.enter_context(rows._local(job)) for job in jobs]
        assert [path.exists() for path in paths] == [True] * 3
    assert sum(path.exists() for path in paths) == len(rows._copies) == 1


def _status(app: Flask, visitor: Visitor, job: str, what: str) -> int:
    return read(app, visitor, job, what).status_code
