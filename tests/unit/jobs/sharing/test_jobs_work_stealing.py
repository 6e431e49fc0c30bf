"""Which jobs of another process one takes, and what processes tell each other about that."""

from collections import Counter
from typing import Any

import pytest

from flask_api.jobs.records.beats import ExecutorLoad, read_beat, write_beat
from flask_api.jobs.records.job import QueuedJob
from flask_api.jobs.work_stealing import choose, not_too_many


def job(name: str, *, owner: str = "ada", **more: Any) -> QueuedJob:
    """Return a job of a person's."""
    return QueuedJob(job_id=name, task="a.thread", arguments="{}", owner_id=owner, **more)


def names_of(jobs: list[QueuedJob]) -> list[str]:
    """Return their ids."""
    return [each.job_id for each in jobs]


def test_oldest_of_those_that_wait_are_taken_and_no_more_than_wanted() -> None:
    """What runs stays."""
    held = [(job(f"{number}"), number >= 4) for number in range(10)]
    assert names_of(choose(held, 2)) == list("45")
    assert names_of(choose(held, 100)) == list("456789")
    assert choose(held[:4], 100) == choose([], 100) == []


def test_people_take_turns_and_priority_orders_ones_own() -> None:
    """Of one with many and one with few, as many are taken; the urgent ones first."""
    held = [(job(f"a{number}"), True) for number in range(8)]
    held += [(job("b0", owner="bob"), True), (job("b1", owner="bob", priority=1), True)]
    chosen = choose(held, 4)
    assert names_of(chosen) == ["b1", "a0", "a1", "b0"]
    assert Counter(each.owner_id for each in chosen) == {"ada": 2, "bob": 2}


def test_only_job_of_a_person_is_left_where_it_is() -> None:
    """Elsewhere it would begin no sooner, if no slot is free there."""
    held = [(job("a0"), True), (job("a1"), True), (job("b0", owner="bob"), True)]
    assert names_of(choose(held, 100, leave_one=True)) == ["a0", "a1"]
    assert choose(held[1:], 100, leave_one=True) == []


def test_beat_tells_how_busy_each_executor_is() -> None:
    """What was written is read; what another version wrote tells nothing."""
    loads = [ExecutorLoad("threads", 36, 4, 4, 2), ExecutorLoad("processes", 0, 0, 2, 0)]
    beat = read_beat(write_beat(loads), held=40)
    assert beat.loads == {each.executor: each for each in loads}
    assert (beat.waiting("threads"), beat.people("threads")) == (36, 2)
    assert (beat.waiting("processes"), beat.waiting("other"), beat.people("other")) == (0, 0, 0)
    paused = read_beat(write_beat([ExecutorLoad("threads", 36, 4, 4, 2, 30)]), held=40)
    assert paused.waiting("threads") == 6, "nobody takes what is paused"
    text = write_beat([ExecutorLoad("threads", 36, 4, 4, 2, brief=30)])
    brief = read_beat(text, held=4000)
    assert brief.waiting("threads") == 6, "nobody takes what is sooner run than moved"
    assert [each.wants_help("threads") for each in (beat, brief, read_beat("", held=9))] == [
        True,
        False,
        False,
    ]
    assert text == "threads 36 4 4 2 0 30", "the last numbers are new: others read the first ones"
    for text in ("1", "", "threads 1 2", "threads a b c d"):
        assert read_beat(text, held=40).waiting("threads") == 0


@pytest.mark.parametrize(
    ("told", "held", "waiting"),
    [
        ((0, 0), 3, 0),  # they may have begun
        ((0, 0), 40, 36),  # as many as there are slots may have
        ((36, 4), 20, 20),  # others took some since
        ((1, 4), 5, 1),
        ((1, 4), 9, 5),
    ],
)
def test_jobs_that_came_and_went_since_the_beat_are_counted(
    told: tuple[int, int], held: int, waiting: int
) -> None:
    """How many a process holds is known as of now."""
    load = ExecutorLoad("threads", told[0], told[1], 4, 1)
    assert read_beat(write_beat([load]), held=held).waiting("threads") == waiting


def test_few_jobs_of_an_unknown_task_are_taken_and_none_of_a_brief_one() -> None:
    """However many pieces they come in."""
    worth = {"a.thread": 2, "a.brief": 0, "a.long": 100}
    wants = not_too_many(worth.__getitem__, besides=["a.full"])
    tasks = ["a.full", *["a.brief", "a.thread", "a.long"] * 4]
    jobs = [job(str(number))._replace(task=task) for number, task in enumerate(tasks)]
    taken = Counter(each.task for each in [*filter(wants, jobs[:6]), *filter(wants, jobs[6:])])
    assert taken == {"a.thread": 2, "a.long": 4}
