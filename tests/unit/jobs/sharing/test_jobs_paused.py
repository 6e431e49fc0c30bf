"""What operators paused, in the queue of one process."""

from tests.unit.jobs.test_jobs_queue import new_queue, queued, take_all


def test_paused_task_takes_no_slot_and_holds_up_no_other() -> None:
    """Its jobs stay in their order; what would begin at once waits too, until it is resumed."""
    queue = new_queue()
    queue.put([queued("a"), queued("b"), queued("c", task="a.c"), queued("d", owner="bob")])
    queue.pause(frozenset(["a.b"]))
    assert (queue.count_paused(), take_all(queue), len(queue)) == (3, ["c"], 3)
    assert queue.has_next() is False
    queue.pause(frozenset())
    assert (queue.count_paused(), take_all(queue)) == (0, ["d", "a", "b"])
    queue.pause(frozenset(["a.b"]))
    assert (queue.seize(queued("e")), queue.seize(queued("f", task="a.c"))) == (False, True)
