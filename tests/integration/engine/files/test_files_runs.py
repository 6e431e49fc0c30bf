"""Files that two runs of one attempt save: an executor that lost sight of a worker may run again
what that one still runs. Both hold the job, and no fence tells them apart."""

import pytest

from tests.integration.engine.files.attempts_case import Case


def test_run_whose_file_was_replaced_lists_what_replaced_it(case: Case) -> None:
    """Its own is gone by then: it knows only what it read before, and writes the list again."""
    one, two = case.begin(1), case.begin(1)
    one.save_file("a.txt", "one")
    two.save_file("a.txt", "by two")
    one.save_file("b.txt", "more")
    assert (case.read(), case.read("b.txt")) == (b"by two", b"more")
    assert (case.stored(), case.counted()) == ([b"by two", b"more"], 10)
    two.save_file("c.txt", "last")
    assert [file["name"] for file in case.job.files] == ["a.txt", "b.txt", "c.txt"]
    assert (len(case.stored()), case.counted()) == (3, 14)


def test_runs_that_replace_each_other_s_file_leave_the_last_one(case: Case) -> None:
    """It alone is listed, counted and stored."""
    one, two = case.begin(1), case.begin(1)
    for text in ("first", "second", "the third"):
        for run in (one, two):
            run.save_file("a.txt", text)
    one.save_file("a.txt", "last")
    assert (case.read(), case.stored(), case.counted()) == (b"last", [b"last"], 4)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("name", ["a.txt", "b.txt"])
def test_run_that_was_paused_while_it_saved_keeps_its_file(
    case: Case, moment: str, name: str
) -> None:
    """The other sees that it is stored and not listed, and takes it for no leftover."""
    one, two = case.begin(1), case.begin(1)
    setattr(case.files, moment, lambda: two.save_file(name, "by two"))
    one.save_file("a.txt", "one")
    assert case.read() == b"one"
    both = {"a.txt": b"one", name: case.read(name)}
    assert both[name] == (b"one" if name == "a.txt" else b"by two")
    assert case.stored() == sorted(both.values())
    assert case.counted() == sum(map(len, both.values()))


def test_run_opens_what_replaced_its_file(case: Case) -> None:
    """Where that lies it learns from the record."""
    one, two = case.begin(1), case.begin(1)
    one.save_file("a.txt", "one")
    two.save_file("a.txt", "by two")
    opened = one.find_file("a.txt")
    assert opened is not None
    with opened:
        assert opened.read() == b"by two"
