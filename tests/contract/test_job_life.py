"""Every step of a job's life, and that there are no others: the scripts against the table."""

import json
import re
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from flask_api.jobs.files.storage import FileStore
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import JobStatus, Owner
from flask_api.jobs.records.life import LIFE, Happening
from flask_api.jobs.records.scripts import load_scripts
from flask_api.jobs.removal import Removal
from shared.settings import ROOT
from tests.contract.job_place import LIMIT, Place, new_job
from tests.integration.engine.engine_bench import new_owner

_LONG_AGO = 1.0
_UNFINISHED = (JobStatus.QUEUED, JobStatus.RUNNING)
_ENDINGS = {
    Happening.SUCCEED: JobStatus.SUCCEEDED,
    Happening.FAIL: JobStatus.FAILED,
    Happening.REQUEUE: JobStatus.QUEUED,
    Happening.STOP: JobStatus.CANCELLED,
}


class Life(RuleBasedStateMachine):
    """One job after another, to which anything may happen at any time."""

    place: Place

    @initialize()
    def begin(self) -> None:
        """Nothing is there."""
        self.owner: Owner = new_owner()
        self.removal = Removal(self.place.connections, FileStore(self.place.bench.settings()))
        self.job = new_job(self.owner)
        self.status: JobStatus | None = None
        self.told = 0
        self.is_asked_to_stop = False

    @rule(happening=st.sampled_from(Happening))
    def happen(self, happening: Happening) -> None:
        """Let it happen; state and events are what the table says, or as before."""
        before = self.status
        step = LIFE.get((before, happening))
        self._do(happening)
        events: Any = self.place.bench.admin.xrange(keyspace.events(self.owner.id))
        told = [json.loads(fields["event"]) for _, fields in events[self.told :]]
        self.told = len(events)
        is_repeated = self.is_asked_to_stop and (before, happening) == (
            JobStatus.RUNNING,
            Happening.CANCEL,
        )
        if step is None or is_repeated:
            assert told == [], (before, happening)
        else:
            self.status = step.to
            assert [each.get("status", each["event"]) for each in told] == [step.event][
                : bool(step.event)
            ], (before, happening)
        is_asked = happening is Happening.CANCEL and step is not None
        self.is_asked_to_stop = (self.is_asked_to_stop or is_asked) and self.status in _UNFINISHED
        found = self.place.store.find(self.job.id)
        if self.status is None:
            assert found is None or found.arguments == "{}"
            self.job = new_job(self.owner)
        else:
            assert found is not None
            assert found.status is self.status
            if found.status is JobStatus.RUNNING:
                assert found.cancel_requested is self.is_asked_to_stop

    def _do(self, happening: Happening) -> None:
        match happening:
            case Happening.ACCEPT | Happening.ACCEPT_AND_BEGIN:
                if self.status is None:  # an id is accepted once: nobody else knows it before
                    self._accept(is_begun=happening is Happening.ACCEPT_AND_BEGIN)
            case Happening.BEGIN:
                self.place.start(self.job)
            case Happening.CANCEL:
                self.place.writer.cancel(self.job, instance="a", ttl_s=100)
            case Happening.RETRY:
                self.place.acceptances.retry(self.job, instance="a", attempts=3, limit=LIMIT)
            case Happening.DELETE:
                if self.status is not None:
                    self.removal.delete(self.job.id)
            case Happening.EXPIRE:
                if self.status is not None and self.status.is_outcome:
                    self.place.bench.admin.zadd(keyspace.EXPIRING, {self.job.id: _LONG_AGO})
                self.removal.expire([self.job.id])
            case _:
                self._end(_ENDINGS[happening])

    def _accept(self, *, is_begun: bool) -> None:
        fields = {"status": JobStatus.RUNNING, "attempt": 1} if is_begun else {}
        self.job = new_job(self.owner, **fields)
        self.place.add(self.job)

    def _end(self, status: JobStatus) -> None:
        record = self.place.bench.record(self.job.id)
        self.place.end(self.job, status, attempt=int(record.get("attempt", 0)))
        if status is JobStatus.QUEUED:
            self.place.holdings.claim("a", limit=1)


_WAYS = {
    None: (),
    JobStatus.QUEUED: (Happening.ACCEPT,),
    JobStatus.RUNNING: (Happening.ACCEPT_AND_BEGIN,),
    JobStatus.SUCCEEDED: (Happening.ACCEPT_AND_BEGIN, Happening.SUCCEED),
    JobStatus.FAILED: (Happening.ACCEPT_AND_BEGIN, Happening.FAIL),
    JobStatus.CANCELLED: (Happening.ACCEPT, Happening.CANCEL),
}


def test_each_happening_does_in_each_state_what_the_table_says(place: Place) -> None:
    """A step that it lists, or nothing."""
    Life.place = place
    assert set(_WAYS) == {None, *JobStatus}
    for way in _WAYS.values():
        for happening in Happening:
            life = Life()
            life.begin()
            for each in (*way, happening):
                life.happen(each)


def test_steps_follow_each_other_in_any_order(place: Place) -> None:
    """What happened before leaves nothing that changes a later step."""
    Life.place = place
    checked = settings(
        max_examples=40, stateful_step_count=40, deadline=None, derandomize=True,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    run_state_machine_as_test(Life, settings=checked)


def test_every_script_and_every_page_knows_the_steps() -> None:
    """The table names scripts that there are, and the arrows of docs/jobs.md are its arrows."""
    assert {step.script for step in LIFE.values()} <= set(load_scripts())
    page = (ROOT / "docs/jobs.md").read_text()
    shown = {
        (before.strip(), after.strip())
        for line in re.findall(r"^(\w[\w |]* -> .*)$", page, flags=re.MULTILINE)
        for before, after in _arrows(line)
    }
    steps = {
        (before.value, step.to.value)
        for (before, _), step in LIFE.items()
        if before is not None and step.to is not None and step.to is not before
    }
    assert shown == steps


def _arrows(line: str) -> list[tuple[str, str]]:
    parts = [part.split("|") for part in re.split(r"->", re.split(r" {2,}", line)[0])]
    return [
        (before, after) for first, second in pairwise(parts) for before in first for after in second
    ]
