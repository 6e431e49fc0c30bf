"""Which jobs of another process one takes that has nothing to do."""

from collections import Counter
from typing import Any

from flask_api.jobs.records.job import QueuedJob
from flask_api.jobs.work_stealing import choose

EXECUTORS = {"a.thread": "threads", "a.process": "processes"}


def job(name: str, *, owner: str = "ada", task: str = "a.thread", **more: Any) -> QueuedJob:
    """Return a job of a person's."""
    return QueuedJob(job_id=name, task=task, arguments="{}", owner_id=owner, **more)


def names_of(jobs: list[QueuedJob]) -> list[str]:
    """Return their ids."""
    return [each.job_id for each in jobs]


def test_half_is_taken_of_what_waits_and_runs() -> None:
    """Four run and six wait: five are taken, so that both have five."""
    held = [(job(f"{number}"), number >= 4) for number in range(10)]
    assert names_of(choose(held, ["threads"], EXECUTORS, 100)) == list("45678")
    assert names_of(choose(held, ["threads"], EXECUTORS, 2)) == list("45")
    assert choose(held[:4], ["threads"], EXECUTORS, 100) == []
    assert names_of(choose(held[3:5], ["threads"], EXECUTORS, 100)) == ["4"]


def test_only_what_can_begin_here_is_taken() -> None:
    """Neither for an executor that is busy, nor of a task that this process does not have."""
    held = [
        (job("thread"), True),
        (job("process", task="a.process"), True),
        (job("stranger", task="not.here"), True),
    ]
    assert names_of(choose(held, ["threads"], EXECUTORS, 100)) == ["thread"]
    assert names_of(choose(held, ["processes"], EXECUTORS, 100)) == ["process"]
    assert choose(held, [], EXECUTORS, 100) == []


def test_people_take_turns_and_priority_orders_ones_own() -> None:
    """Of one with many and one with few, as many are taken; the urgent ones first."""
    held = [(job(f"a{number}"), True) for number in range(8)]
    held += [(job("b0", owner="bob"), True), (job("b1", owner="bob", priority=1), True)]
    chosen = choose(held, ["threads"], EXECUTORS, 4)
    assert names_of(chosen) == ["b1", "a0", "a1", "b0"]
    assert Counter(each.owner_id for each in chosen) == {"ada": 2, "bob": 2}
