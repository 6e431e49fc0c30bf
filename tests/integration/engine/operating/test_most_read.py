"""What is read of very much has a bound, and what it leaves out is counted or said."""

import time

import pytest

from flask_api.jobs.operating import failures, unfinished
from flask_api.jobs.records import keyspace
from flask_api.jobs.sharing.onlookers import NAMES_SHOWN, Onlooker, Onlookers
from tests.integration.engine.engine_bench import EngineBench

# Errors that differ in numbers only are alike.
_WRONG = ("names", "dates", "prices", "names", "signs", "names", "dates", "words")


def test_failures_are_looked_for_among_so_many_jobs_and_bytes(
    bench: EngineBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The latest; those of rare errors are counted, and in no group."""
    engine = bench.start()
    for word in _WRONG:
        bench.run(engine, "sample.fail", {"message": f"{word} are wrong"})
    monkeypatch.setattr(failures, "_AT_ONCE", 2)
    monkeypatch.setattr(failures, "MOST_GROUPS", 2)
    found = failures.read_failures(engine._store)
    groups = [(each.message.split()[0], each.count) for each in found.groups]
    assert (groups[0], groups[1][1], len(groups)) == (("names", 3), 2, 2)
    assert (found.looked_at, found.others) == (8, 3)
    monkeypatch.setattr(failures, "MOST_LOOKED_AT", 4)
    found = failures.read_failures(engine._store)
    assert found.looked_at == 4
    latest = {each.message.split()[0] for each in found.groups}
    assert latest <= set(_WRONG[4:])
    monkeypatch.setattr(failures, "_MOST_BYTES", 10)
    assert failures.read_failures(engine._store).looked_at == 2, "one look found more bytes"


def test_unfinished_jobs_are_counted_of_so_many_holders(
    bench: EngineBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many say that they are there."""
    engine = bench.make()
    for number in range(5):
        bench.admin.zadd(keyspace.WORKERS, {f"worker {number}": time.time() + number})
        bench.admin.sadd(keyspace.held(f"worker {number}"), f"job {number}")
    assert unfinished.read_unfinished(engine._store).total == 5
    monkeypatch.setattr(unfinished, "_MOST_HOLDERS", 3)
    found = unfinished.read_unfinished(engine._store)
    assert (found.ids, found.total) == (["job 2", "job 1", "job 0"], 3)


def test_so_many_onlookers_are_named_and_all_are_counted(bench: EngineBench) -> None:
    """The latest, by name."""
    onlookers = Onlookers(bench.make()._store)
    people = [
        Onlooker(job="j", id=str(number), username=f"p{number:03}")
        for number in range(NAMES_SHOWN + 10)
    ]
    onlookers.note(people[-10:])
    onlookers.note(people[:-10])
    seen = onlookers.of("j")
    assert seen.count == NAMES_SHOWN + 10
    assert seen.people == tuple(each.username for each in people[:-10])
