"""gatehouse.Executor does what the standard library documents, on the real service."""

import errno
import itertools
import pickle
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, as_completed, wait
from pathlib import Path
from typing import Any

import pytest

from gatehouse import (
    Client,
    Executor,
    InvalidRequest,
    JobFailed,
    JobTimedOut,
    NotFound,
    NotLoggedIn,
    RemoteError,
)
from tests.client import client_tasks
from tests.client.conftest import SOON_S
from tests.e2e.service import ServiceProcess
from tests.integration.redis.fault_proxy import fault_proxy
from tests.waiting import wait_until


def test_call_by_name_gives_its_result(executor: Executor) -> None:
    """Arguments by place, in the order of the function's signature, and by name."""
    assert executor.submit("client.join", "x", third="z").result(SOON_S) == "x-b-z"
    assert executor.submit("client.join", "x", "y", "z").result(SOON_S) == "x-y-z"


def test_call_of_function_with_task_on_it_gives_its_result(executor: Executor) -> None:
    """The function itself says which task it is; it still is a function here."""
    assert executor.submit(client_tasks.square, 7).result(SOON_S) == 49
    assert client_tasks.square(7) == 49


def test_map_returns_results_in_order_whatever_the_chunks(executor: Executor) -> None:
    """With the default, with chunks that don't divide the number of calls,
    and with several iterables."""
    numbers = range(100)
    squares = [number * number for number in numbers]
    assert list(executor.map("client.square", numbers)) == squares
    assert list(executor.map("client.square", numbers, chunksize=7)) == squares
    assert list(executor.map("client.join", "ab", "cde")) == ["a-c-c", "b-d-c"]
    assert list(executor.map("client.square", [])) == []


def test_map_without_results_in_time_raises_and_cancels_the_rest(
    executor: Executor, client: Client, gate: Path, tmp_path: Path
) -> None:
    """TimeoutError counts from the call of map;
    jobs that have not begun are cancelled, as the standard library does."""
    events = client.events()
    assert next(events).kind == "ready"
    started = time.monotonic()
    results = executor.map("sample.hold", [str(gate)] * 30, timeout=1, chunksize=30)
    with pytest.raises(TimeoutError):
        next(results)
    assert time.monotonic() - started < 3
    batch = client.batch(next(event.data["batch"] for event in events if event.kind == "batch"))
    wait_until(
        lambda: batch.refresh().counts["cancelled"] and not batch.counts["queued"], timeout_s=SOON_S
    )
    running = batch.counts["running"]
    gate.touch()
    wait_until(lambda: batch.refresh().has_ended, timeout_s=SOON_S)
    assert 0 < batch.counts["succeeded"] == running < 30, "what ran already went on"
    assert len((tmp_path / "gate.runs").read_text().split()) == running, "the others never began"


def test_wrong_chunksize_is_refused(executor: Executor) -> None:
    """As a process pool does."""
    with pytest.raises(ValueError, match="chunksize must be >= 1"):
        executor.map("client.square", [1], chunksize=0)


@pytest.mark.parametrize(("buffersize", "chunksize"), [(1, 1), (3, 1), (4, 3), (2, 9)])
def test_map_takes_no_more_of_an_endless_generator_than_its_buffer(
    executor: Executor, buffersize: int, chunksize: int
) -> None:
    """At most so many are submitted and not yet yielded, whatever the chunks;
    the results come in order."""
    seen: list[int] = []

    def endless() -> Iterator[int]:
        for number in itertools.count():
            assert number - len(seen) < buffersize, "taken before there was room"
            yield number

    results = executor.map(
        "client.square", endless(), buffersize=buffersize, chunksize=chunksize, timeout=SOON_S
    )
    for result in itertools.islice(results, 7):
        seen.append(result)
    assert seen == [number * number for number in range(7)]


def test_map_with_a_buffer_ends_with_its_iterable_and_with_its_executor(client: Client) -> None:
    """All results of a short one; after a shutdown what waits in the buffer is done,
    and more is refused."""
    executor = Executor(client)
    assert list(executor.map("client.square", range(5), buffersize=2)) == [0, 1, 4, 9, 16]
    assert list(executor.map("client.square", range(2), buffersize=9)) == [0, 1]
    numbers = itertools.count()
    results = executor.map("client.square", numbers, buffersize=4)
    executor.shutdown()
    assert next(numbers) == 4
    assert next(results) == 0
    with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
        next(results)


@pytest.mark.parametrize(
    ("wrong", "kind", "message"),
    [
        (0, ValueError, "buffersize must be None or > 0"),
        ("1", TypeError, "must be an integer or None"),
        (1.0, TypeError, "must be an integer or None"),
    ],
)
def test_wrong_buffersize_is_refused(
    executor: Executor, wrong: Any, kind: type[Exception], message: str
) -> None:
    """With the standard library's words, before anything is taken."""
    numbers = itertools.count()
    with pytest.raises(kind, match=message):
        executor.map("client.square", numbers, buffersize=wrong)
    assert next(numbers) == 0


def test_as_completed_yields_futures_as_their_jobs_end(executor: Executor, gate: Path) -> None:
    """A short job is not held up by a long one."""
    slow = executor.submit("sample.hold", str(gate))
    quick = executor.submit("client.square", 3)
    done = as_completed([slow, quick], timeout=SOON_S)
    assert next(done) is quick
    gate.touch()
    assert next(done) is slow
    assert (quick.result(), slow.result()) == (9, 1)


def test_wait_returns_when_the_first_is_done(executor: Executor, gate: Path) -> None:
    """concurrent.futures.wait works on these futures."""
    slow, quick = executor.submit("sample.hold", str(gate)), executor.submit("client.square", 3)
    done, not_done = wait([slow, quick], timeout=SOON_S, return_when=FIRST_COMPLETED)
    assert (done, not_done) == ({quick}, {slow})
    gate.touch()


def test_done_callbacks_are_called_once_with_the_future(executor: Executor) -> None:
    """Also the one that is added after the end; one may submit, and look at its own future."""
    seen: list[Future[object]] = []
    first = executor.submit("client.square", 2)
    first.add_done_callback(
        lambda future: seen.append(executor.submit("client.square", future.result()))
    )
    wait_until(lambda: seen, timeout_s=SOON_S)
    assert seen[0].result(SOON_S) == 16
    first.add_done_callback(seen.append)
    assert seen[1:] == [first]


def test_future_whose_time_is_over_goes_on(executor: Executor, gate: Path) -> None:
    """result(timeout) raises TimeoutError and changes nothing."""
    future = executor.submit("sample.hold", str(gate))
    with pytest.raises(TimeoutError):
        future.result(0.2)
    assert not future.done()
    gate.touch()
    assert future.result(SOON_S) == 1


def test_failure_is_the_builtin_type_with_the_remote_error_as_cause(executor: Executor) -> None:
    """``except ValueError`` works as it did before the call was moved;
    so does pickling, as for errors of a process pool."""
    with pytest.raises(ValueError, match="seven") as raised:
        executor.submit("client.raise_value", "seven").result(SOON_S)
    error = raised.value
    assert isinstance(error, JobFailed)
    assert isinstance(error.__cause__, RemoteError)
    assert (error.__cause__.type, error.__cause__.message) == ("ValueError", "seven")
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again, ValueError)
    assert isinstance(again, JobFailed)
    assert (str(again), str(again.__cause__)) == (str(error), "ValueError: seven")


def test_failure_is_caught_by_its_bases_and_keeps_its_number(executor: Executor) -> None:
    """A JSONDecodeError is a ValueError, there as here;
    an OSError says which, in another process too."""
    with pytest.raises(ValueError, match="JSONDecodeError: Expecting value"):
        executor.submit("client.read_json", "?").result(SOON_S)
    with pytest.raises(FileNotFoundError) as raised:
        executor.submit("client.open", "/no/such/file").result(SOON_S)
    assert raised.value.errno == errno.ENOENT
    assert pickle.loads(pickle.dumps(raised.value)).errno == errno.ENOENT


def test_failure_of_an_unknown_type_is_a_job_failed(executor: Executor) -> None:
    """A type of the task's own is told by name."""
    error = executor.submit("sample.refuse", "not today").exception(SOON_S)
    assert isinstance(error, JobFailed)
    assert (error.error.type, error.error.message) == ("TaskError", "not today")


def test_job_over_its_time_is_told_apart(executor: Executor, tmp_path: Path) -> None:
    """The job's own time-out is no TimeoutError of ours."""
    error = executor.submit("sample.slow", str(tmp_path / "never")).exception(SOON_S)
    assert not isinstance(error, TimeoutError)
    assert isinstance(error, JobTimedOut)


def test_wrong_argument_fails_its_own_call_only(executor: Executor) -> None:
    """Calls travel together; the wrong ones are named as if they had travelled alone."""
    futures = [executor.submit("client.square", number) for number in (1, -1, 2, "x", 3)]
    assert [future.exception(SOON_S) is None for future in futures] == [
        True,
        False,
        True,
        False,
        True,
    ]
    error = futures[1].exception()
    assert isinstance(error, InvalidRequest)
    assert [problem.where for problem in error.problems] == ["/arguments/number"]
    assert [futures[number].result() for number in (0, 2, 4)] == [1, 4, 9]


def test_too_many_arguments_are_a_type_error(executor: Executor) -> None:
    """As in a call; one given twice, too."""
    with pytest.raises(TypeError, match=r"takes 1 arguments \(number\), 2 were given"):
        executor.submit("client.square", 1, 2).result(SOON_S)
    with pytest.raises(TypeError, match="number twice"):
        executor.submit("client.square", 1, number=2).result(SOON_S)


def test_unknown_task_is_not_found(executor: Executor) -> None:
    """With and without arguments by place."""
    for future in (executor.submit("no.such", 1), executor.submit("no.such", number=1)):
        error = future.exception(SOON_S)
        assert isinstance(error, NotFound)
        assert "client.square" in str(error)


def test_what_json_can_not_hold_is_refused_at_once(executor: Executor) -> None:
    """The message names the argument; what is no task is refused too."""
    with pytest.raises(TypeError, match=r"argument number can't be sent: .*set"):
        executor.submit("client.square", number={1})
    with pytest.raises(ValueError, match=r"argument number 1 can't be sent"):
        executor.submit("client.square", float("nan"))
    with pytest.raises(TypeError, match=r"isn't a task: it must be"):
        executor.submit(len, "abc")


def test_argument_changed_after_the_call_is_sent_as_it_was(executor: Executor) -> None:
    """The call is made when submit returns."""
    words = ["before"]
    future = executor.submit("sample.echo", words)
    words.append("after")
    assert future.result(SOON_S) == [["before"]]


def test_wrong_key_fails_every_call(service: ServiceProcess) -> None:
    """Each with an error of its own."""
    with Client(service.address, "gh_" + "x" * 49) as stranger, Executor(stranger) as executor:
        futures = [executor.submit("client.square", number) for number in range(50)]
        errors = [future.exception(SOON_S) for future in futures]
    assert {type(error) for error in errors} == {NotLoggedIn}
    assert len({id(error) for error in errors}) == 50


def test_ten_thousand_calls_need_few_requests(service: ServiceProcess, key: str) -> None:
    """They travel in batches, and one stream follows them:
    what comes through the wire is counted by a proxy."""
    with (
        fault_proxy(("127.0.0.1", service.port)) as proxy,
        Client(f"http://127.0.0.1:{proxy.port}", key) as client,
    ):
        with Executor(client) as executor:
            assert sum(executor.map("client.square", range(10_000))) == sum(
                number * number for number in range(10_000)
            )
        assert proxy.connections <= 4, "one that sends, one that fetches, one stream"
