"""Questions to servers that are never answered: one of each stays open, and no more."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from shared.redis.asking import Questions
from tests.waiting import wait_until

SERVERS = ["s1", "s2", "s3"]


class _Names:
    """Servers of which some hang, as where their names can't be resolved."""

    def __init__(self, *hanging: str) -> None:
        self.hanging = set(hanging)
        self.asked: list[str] = []
        self.resolved = threading.Event()

    def ask(self, server: str) -> str:
        """Answer, at once or when the name is resolved."""
        self.asked.append(server)
        if server in self.hanging:
            assert self.resolved.wait(60)
        return f"{server} answers"


@contextmanager
def _resolved_at_last(names: _Names) -> Iterator[None]:
    try:
        yield
    finally:
        names.resolved.set()
        wait_until(lambda: _open_questions() == 0, timeout_s=10)


def _open_questions() -> int:
    return sum(thread.name == "gatehouse-asks-redis" for thread in threading.enumerate())


def _look(questions: Questions[str], names: _Names) -> list[str]:
    return [
        str(answer)
        for _, answer in questions.ask_each(names.ask, SERVERS, timeout_s=0.3, longest_s=0.5)
    ]


def test_server_that_never_answers_is_asked_once() -> None:
    """However often it is looked for: each question is a thread."""
    questions, names = Questions[str](), _Names(*SERVERS)
    with _resolved_at_last(names):
        assert [_look(questions, names) for _ in range(5)] == [[]] * 5
        assert sorted(names.asked) == SERVERS
        assert _open_questions() == 3


def test_others_are_asked_beside_one_that_never_answers() -> None:
    """Each time, and that one again when it has answered."""
    questions, names = Questions[str](), _Names("s1")
    with _resolved_at_last(names):
        for _ in range(3):
            assert sorted(_look(questions, names)) == ["s2 answers", "s3 answers"]
        assert names.asked.count("s1") == 1
    assert sorted(_look(questions, names)) == [f"{server} answers" for server in SERVERS]


def test_server_that_failed_is_asked_again() -> None:
    """Its question is over."""
    questions: Questions[str] = Questions()

    def fail(server: str) -> str:
        raise KeyError(server)

    for _ in range(2):
        with pytest.raises(KeyError):
            list(questions.ask_each(fail, ["s1"], timeout_s=5, longest_s=5))
