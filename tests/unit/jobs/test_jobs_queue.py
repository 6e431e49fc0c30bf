"""The queue of one process: fair, bounded, and nothing in it is lost or comes twice."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_api.jobs.errors import QueueFull
from flask_api.jobs.records.job import QueuedJob
from flask_api.jobs.workers.queue import FairQueue, shared_slots


def queued(name: str, *, owner: str = "ada", task: str = "a.b", **more: Any) -> QueuedJob:
    """Return a queued of a person's."""
    return QueuedJob(job_id=name, task=task, arguments="{}", owner_id=owner, **more)


def new_queue(
    *,
    limit: int = 1000,
    per_person: int = 1000,
    while_shared: int = 1000,
    max_running: Callable[[str], int | None] = lambda _: None,
) -> FairQueue:
    """Return a queue that is bounded only where a test says so."""
    return FairQueue(
        limit=limit, per_person=per_person, while_shared=while_shared, max_running=max_running
    )


def take_all(queue: FairQueue) -> list[str]:
    """Take one chunk after the other, each given back at once; return the ids."""
    taken: list[str] = []
    while chunk := queue.take():
        taken += [each.job_id for each in chunk]
        queue.done(chunk)
    return taken


def test_one_persons_jobs_keep_their_order() -> None:
    """First come, first served."""
    queue = new_queue()
    queue.put([queued(name) for name in "abcdef"])
    assert (len(queue), take_all(queue), len(queue)) == (6, list("abcdef"), 0)


def test_people_take_turns() -> None:
    """One person's thousand jobs hold up another's one by one job."""
    queue = new_queue()
    queue.put([queued(f"a{number}") for number in range(1000)])
    queue.put([queued("b0", owner="bob"), queued("b1", owner="bob")])
    assert take_all(queue)[:5] == ["a0", "b0", "a1", "b1", "a2"]


def test_priority_orders_ones_own_jobs_only() -> None:
    """Between people it says nothing: they take turns."""
    queue = new_queue()
    queue.put(
        [
            queued("low", priority=-1),
            queued("n1"),
            queued("n2"),
            queued("high", priority=1),
            queued("higher", priority=1),
        ]
    )
    queue.put([queued("bob1", owner="bob", priority=-1), queued("bob2", owner="bob")])
    assert take_all(queue) == ["high", "bob2", "higher", "bob1", "n1", "n2", "low"]


@pytest.mark.parametrize(
    ("slots", "share", "expected"),
    [(1, 1.0, 1), (2, 1.0, 1), (16, 1.0, 15), (16, 0.5, 8), (4, 0.1, 1)],
)
def test_share_is_of_the_slots_and_leaves_one(slots: int, share: float, expected: int) -> None:
    """A person's share is one slot at least."""
    assert shared_slots(slots, share) == expected


@pytest.mark.parametrize("slots", [1, 2, 4])
def test_slot_that_frees_goes_to_who_waits(slots: int) -> None:
    """One person has every slot, as may be when nobody waits; then another comes, and a third."""
    queue = new_queue(while_shared=shared_slots(slots, 1.0))
    queue.put([queued(f"a{number}", priority=1) for number in range(100)])
    running = [queue.take() for _ in range(slots)]
    queue.put([queued("b0", owner="bob"), queued("b1", owner="bob")])
    queue.put([queued("c0", owner="cyd", priority=-1)])
    began = []
    for _ in range(4):
        queue.done(running.pop(0))
        running.append(queue.take())
        began.append(running[-1][0].job_id)
    assert began[:2] == ["b0", "c0"]
    assert "b1" in began
    assert len(running) == slots


def test_person_keeps_to_their_share_while_another_waits() -> None:
    """However long their jobs are, and however often the other's end;
    what nobody else may use, they may."""
    queue = new_queue(while_shared=2, max_running=lambda task: 1 if task == "only.one" else None)
    queue.put([queued(f"a{number}") for number in range(100)])
    queue.put([queued(f"b{number}", owner="bob") for number in range(20)])
    running = [queue.take() for _ in range(4)]
    for _ in range(18):
        bobs = next(each for each in running if each[0].owner_id == "bob")
        running.remove(bobs)
        queue.done(bobs)
        running.append(queue.take())
        assert Counter(each[0].owner_id for each in running)["ada"] == 2
    for each in running:
        queue.done(each)
    queue.put([queued(f"o{number}", owner="bob", task="only.one") for number in range(2)])
    assert Counter(queue.take()[0].owner_id for _ in range(4)) == {"ada": 3, "bob": 1}


def test_many_batches_of_a_task_at_its_limit_cost_the_next_job_nothing() -> None:
    """The next job is looked for by task: five thousand batches that may not run are asked about
    once."""
    asked: list[str] = []

    def max_running(task: str) -> int | None:
        asked.append(task)
        return 1 if task == "only.one" else None

    queue = new_queue(max_running=max_running)
    for number in range(5000):
        queue.put([queued(str(number), task="only.one", batch=f"b{number}")])
    queue.put([queued("other")])
    assert [queue.take()[0].task for _ in range(2)] == ["only.one", "a.b"]
    assert not queue.has_next()
    assert len(asked) < 10


def test_person_at_their_limit_waits_and_others_go_on() -> None:
    """What runs is counted; one given back lets the next one go."""
    queue = new_queue(per_person=2)
    queue.put([queued(name) for name in "abc"] + [queued("x", owner="bob")])
    taken = [queue.take() for _ in range(3)]
    assert sorted(chunk[0].job_id for chunk in taken) == ["a", "b", "x"]
    assert not queue.has_next()
    assert queue.take() == []
    queue.done(next(chunk for chunk in taken if chunk[0].owner_id == "ada"))
    assert queue.has_next()
    assert [each.job_id for each in queue.take()] == ["c"]


def test_task_at_its_limit_holds_up_no_other_task() -> None:
    """Of the same person, too; of the limited one as many run as may, whoever's they are."""
    queue = new_queue(max_running=lambda task: 1 if task == "only.one" else None)
    queue.put(
        [
            queued("1", task="only.one"),
            queued("2", task="only.one"),
            queued("3", task="only.one", owner="bob"),
        ]
    )
    queue.put([queued("other")])
    first = queue.take()
    rest = [each.job_id for chunk in iter(queue.take, []) for each in chunk]
    assert [each.job_id for each in first] == ["1"]
    assert rest == ["other"]
    assert not queue.has_next()
    queue.done(first)
    assert queue.has_next()


def test_chunk_is_of_one_person_task_and_batch() -> None:
    """What is begun in one round trip shares its keys;
    it counts as one that runs, for it has one slot."""
    queue = new_queue(per_person=1)
    queue.put([queued(f"s{number}", task="short.one") for number in range(12)])
    queue.put([queued(f"b{number}", task="short.one", batch="b") for number in range(3)])
    queue.put([queued("long1"), queued("long2")])
    chunks = []
    while chunk := queue.take(lambda task: 10 if task == "short.one" else 1):
        chunks.append(chunk)
        assert queue.take() == []
        assert queue.running == len(chunk)
        queue.done(chunk)
    assert all(
        len({(each.owner_id, each.task, each.batch) for each in chunk}) == 1 for chunk in chunks
    )
    assert max(len(chunk) for chunk in chunks if chunk[0].task == "short.one") == 10
    assert all(len(chunk) == 1 for chunk in chunks if chunk[0].task != "short.one")
    assert sum(len(chunk) for chunk in chunks) == 17


def test_places_are_reserved_and_freed() -> None:
    """What waits, what is about to, and what runs counts;
    what is put was accepted and always fits."""
    queue = new_queue(limit=3)
    queue.reserve(2)
    with pytest.raises(QueueFull, match="3"):
        queue.reserve(2)
    queue.reserve()
    queue.release(3)
    queue.put([queued("a"), queued("b"), queued("c"), queued("d")])
    with pytest.raises(QueueFull):
        queue.reserve()
    chunk = queue.take()
    queue.take()
    with pytest.raises(QueueFull):
        queue.reserve()
    queue.done(chunk)
    with pytest.raises(QueueFull):
        queue.reserve()  # three are left: two wait, one runs
    take_all(queue)
    queue.reserve(2)


def test_cleared_queue_gives_back_what_waited_and_goes_on() -> None:
    """What runs stays counted until it is given back."""
    queue = new_queue(limit=4)
    queue.put(
        [queued("a"), queued("b", priority=1), queued("c", owner="bob"), queued("d", task="c.d")]
    )
    running = queue.take()
    assert sorted(each.job_id for each in queue.clear()) == ["a", "c", "d"]
    assert (len(queue), queue.take(), queue.running) == (0, [], 1)
    queue.reserve(3)
    queue.release(3)
    queue.done(running)
    queue.put([queued("e")])
    assert take_all(queue) == ["e"]


actions = st.lists(
    st.one_of(
        st.tuples(
            st.just("put"),
            st.sampled_from("abc"),
            st.sampled_from(["t.x", "t.y"]),
            st.integers(-1, 1),
        ),
        st.tuples(st.just("take")),
        st.tuples(st.just("done"), st.integers(0, 20)),
    ),
    max_size=120,
)


@given(actions, st.integers(1, 4), st.integers(1, 4), st.integers(1, 5))
def test_nothing_is_lost_or_comes_twice(
    script: list[tuple[Any, ...]], per_person: int, share: int, chunk: int
) -> None:
    """In any order of what happens each job is taken once, within every limit,
    and ``has_next`` tells the truth."""
    queue = new_queue(
        per_person=per_person,
        while_shared=share,
        max_running=lambda task: 2 if task == "t.x" else None,
    )
    running: list[list[QueuedJob]] = []
    put: list[str] = []
    taken: list[str] = []
    for action, *details in script:
        if action == "put":
            owner, task, priority = details
            put.append(str(len(put)))
            queue.put([queued(put[-1], owner=owner, task=task, priority=priority)])
        elif action == "take":
            expected = queue.has_next()
            got = queue.take(lambda _: chunk)
            assert bool(got) == expected
            taken += [each.job_id for each in got]
            running += [got] if got else []
        elif running:
            queue.done(running.pop(details[0] % len(running)))
        assert max(Counter(each[0].owner_id for each in running).values(), default=0) <= per_person
        assert sum(each[0].task == "t.x" for each in running) <= 2
        assert (len(queue), queue.running) == (len(put) - len(taken), sum(map(len, running)))
    for each in running:
        queue.done(each)
    taken += take_all(queue)
    assert sorted(taken) == sorted(put)
    assert queue.running == len(queue) == 0


def test_job_overtakes_nobody_who_waits() -> None:
    """A job goes at once only where the queue would have taken it next:
    nothing waits, and no limit is reached."""
    queue = new_queue(
        limit=3, per_person=2, max_running=lambda task: 1 if task == "one.only" else None
    )
    assert queue.seize(queued("first"))
    assert queue.seize(queued("second", task="one.only"))
    assert not queue.seize(queued("third"))  # ada runs two
    assert not queue.seize(queued("b1", owner="bob", task="one.only"))
    assert queue.seize(queued("b2", owner="bob"))
    assert not queue.seize(queued("c1", owner="cyd"))  # the queue is full
    for name, more in (("first", {}), ("second", {"task": "one.only"}), ("b2", {"owner": "bob"})):
        queue.done([queued(name, **more)])
    queue.put([queued("waits")])
    assert not queue.seize(queued("c1", owner="cyd"))
    assert (take_all(queue), queue.running) == (["waits"], 0)
