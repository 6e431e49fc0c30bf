"""What is sent to workers: signed, bounded, of one format; and which executor takes another's
place."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_api.jobs.tasks.registry import TaskRegistry
from flask_api.jobs.tasks.task import task
from flask_api.jobs.workers.executors import executors_of
from flask_api.jobs.workers.remote import entry as entries
from flask_api.jobs.workers.remote.entry import (
    AttemptEntry,
    EntryRefusedError,
    digest_of,
    key_id,
    read_entry,
    sign,
)
from shared.errors import ConfigurationError

OLD, NEW = "o" * 40, "n" * 40
ENTRY = AttemptEntry("job", 2, "a.b", "sender", "worker#0", digest_of("{}"))


@task("a.thread")
def on_thread() -> None:
    """Run on a thread."""


@task("a.process", executor="processes")
def on_process() -> None:
    """Run in a process."""


TASKS: list[Any] = [on_thread, on_process]
REGISTRY = TaskRegistry(TASKS)


def test_entry_is_read_by_who_has_the_secret() -> None:
    """While secrets rotate, that of before verifies too."""
    assert read_entry(sign(ENTRY, OLD), [NEW, OLD]) == ENTRY
    with pytest.raises(EntryRefusedError, match="GATEHOUSE_WORKER_SECRETS"):
        read_entry(sign(ENTRY, OLD), [NEW])


def test_id_of_a_secret_tells_secrets_apart_and_not_what_they_are() -> None:
    """It is the same everywhere, and is no part of a signature."""
    assert key_id(OLD) == key_id(OLD) != key_id(NEW)
    assert OLD not in key_id(OLD)
    assert key_id(OLD) not in sign(ENTRY, OLD)


@given(at=st.integers(0), other=st.characters(codec="ascii"))
def test_changed_entry_is_refused(at: int, other: str) -> None:
    """Whichever character of it was changed."""
    signed = sign(ENTRY, NEW)
    at %= len(signed)
    changed = signed[:at] + other + signed[at + 1 :]
    if changed != signed:
        with pytest.raises(EntryRefusedError):
            read_entry(changed, [NEW])


@given(st.one_of(st.text(), st.binary(), st.none(), st.lists(st.integers()), st.just("x" * 9999)))
def test_what_is_no_entry_is_refused(value: object) -> None:
    """Nothing of it is parsed."""
    with pytest.raises(EntryRefusedError):
        read_entry(value, [NEW])


def test_entry_of_another_format_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though it is signed: a worker of another version runs nothing that it may misread."""
    monkeypatch.setattr(entries, "FORMAT", 2)
    signed = sign(ENTRY, NEW)
    monkeypatch.undo()
    assert json.loads(signed.rpartition(".")[0])["format"] == 2
    with pytest.raises(EntryRefusedError, match="another version"):
        read_entry(signed, [NEW])


@pytest.mark.parametrize(
    ("instead", "chosen"),
    [
        ({}, ("threads", "processes")),
        ({"processes": "rq"}, ("threads", "rq")),
        ({"*": "rq"}, ("rq", "rq")),
        ({"*": "rq", "threads": "threads"}, ("threads", "rq")),
        ({"a.process": "threads", "processes": "rq"}, ("threads", "threads")),
    ],
)
def test_nearest_name_says_which_executor(
    instead: Mapping[str, str], chosen: tuple[str, str]
) -> None:
    """A task's own name before its executor's, that before all."""
    names = executors_of(REGISTRY, instead)
    assert (names["a.thread"], names["a.process"]) == chosen


@pytest.mark.parametrize("instead", [{"proceses": "rq"}, {"processes": "ray"}])
def test_executor_that_is_not_there_is_refused(instead: Mapping[str, str]) -> None:
    """On either side; the message has the name, and the variable first."""
    with pytest.raises(ConfigurationError, match=r"^GATEHOUSE_EXECUTORS: .*(proceses|ray)"):
        executors_of(REGISTRY, instead)
