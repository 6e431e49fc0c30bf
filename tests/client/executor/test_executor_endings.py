"""How gatehouse.Executor and its futures end:
cancelled, shut down, forgotten, forked, with the interpreter. Nothing hangs."""

import subprocess
import sys
import threading
import time
import weakref
from concurrent.futures import CancelledError, wait
from pathlib import Path

import pytest

from gatehouse import Client, Executor
from gatehouse.errors import BadAnswer
from gatehouse.executor.calls import Call
from gatehouse.executor.remote_future import RemoteFuture
from gatehouse.executor.result_collector import TrackedBatch
from tests.client.conftest import SOON_S
from tests.e2e.service import ServiceProcess
from tests.waiting import wait_until


def test_waiting_job_is_cancelled_and_running_one_is_not(executor: Executor, gate: Path) -> None:
    """cancel() is as documented: True before the job begins, False from then on,
    and the job goes on."""
    running = executor.submit("sample.alone", str(gate))
    wait_until(Path(f"{gate}.runs").exists, timeout_s=SOON_S)
    waiting = executor.submit("sample.alone", str(gate))
    wait_until(
        lambda: waiting.cancel(), timeout_s=SOON_S, what="it is accepted, and then cancelled"
    )
    assert waiting.cancelled()
    with pytest.raises(CancelledError):
        waiting.result(0)
    # False also while nobody can say yet: it is running from when the service has said so.
    wait_until(
        lambda: not running.cancel() and running.running(),
        timeout_s=SOON_S,
        what="it is known to run",
    )
    gate.touch()
    assert running.result(SOON_S) == 1
    assert not running.cancel()


def test_job_that_somebody_else_cancels_is_a_cancelled_error(
    executor: Executor, client: Client, gate: Path
) -> None:
    """On the web page, say: whether it ran already or not."""
    future = executor.submit("sample.hold", str(gate))
    wait_until(Path(f"{gate}.runs").exists, timeout_s=SOON_S)
    assert isinstance(future, RemoteFuture)
    # It may run before its acceptance is read here.
    wait_until(
        lambda: future.place is not None, timeout_s=SOON_S, what="the executor knows its place"
    )
    assert future.place is not None
    client.batch(future.place.batch).cancel()
    with pytest.raises(CancelledError):
        future.result(SOON_S)


def test_shutdown_waits_for_results_and_refuses_more(client: Client) -> None:
    """As ``with`` does at its end."""
    executor = Executor(client)
    futures = [executor.submit("client.square", number) for number in range(50)]
    executor.shutdown()
    assert [future.result(0) for future in futures] == [number * number for number in range(50)]
    with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
        executor.submit("client.square", 1)
    executor.shutdown()


def test_shutdown_that_cancels_lets_running_jobs_end(client: Client, gate: Path) -> None:
    """cancel_futures=True cancels what has not begun, here and on the server;
    what runs gives its result."""
    executor = Executor(client)
    running = executor.submit("sample.alone", str(gate))
    wait_until(Path(f"{gate}.runs").exists, timeout_s=SOON_S)
    waiting = [executor.submit("sample.alone", str(gate)) for _ in range(20)]
    executor.shutdown(wait=False, cancel_futures=True)
    assert not wait(waiting, timeout=SOON_S).not_done, "who waits is told"
    assert all(future.cancelled() for future in waiting)
    assert not running.done()
    gate.touch()
    assert running.result(SOON_S) == 1
    assert Path(f"{gate}.runs").read_text().split() == ["1"]


def test_shutdown_inside_a_callback_does_not_wait_for_itself(client: Client) -> None:
    """The callback runs in the executor's thread."""
    executor = Executor(client)
    executor.submit("client.square", 1).add_done_callback(lambda _: executor.shutdown())
    wait_until(lambda: _threads() == [], timeout_s=SOON_S)


def test_forgotten_executor_finishes_and_its_thread_ends(client: Client) -> None:
    """Nobody holds it any more, only the future."""
    executor = Executor(client)
    future, gone = executor.submit("client.square", 5), weakref.ref(executor)
    del executor
    assert gone() is None
    assert future.result(SOON_S) == 25
    wait_until(lambda: _threads() == [], timeout_s=SOON_S)


def test_executor_without_calls_starts_nothing(client: Client) -> None:
    """No thread, no connection; shutting it down is nothing."""
    with Executor(client):
        assert _threads() == []


def test_call_for_which_no_thread_could_be_started_is_refused_and_the_next_is_not(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system may have none left for a moment: nothing waits for a thread that never began."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with Executor(client) as executor:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            with pytest.raises(RuntimeError, match="can't start"):
                executor.submit("client.square", 2)
        assert executor.submit("client.square", 3).result(SOON_S) == 9


def test_interpreter_that_ends_without_shutdown_has_sent_everything(
    service: ServiceProcess, key: str, gate: Path
) -> None:
    """A script that only submits: its jobs are accepted and its short results arrive,
    though nobody waits for them."""
    program = f"""
import gatehouse
executor = gatehouse.Executor(gatehouse.Client({service.address.replace("127.0.0.1", "localhost")!r}, {key!r}))
for number in range(5):
    executor.submit("client.square", number).add_done_callback(lambda future: print(future.result(), flush=True))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.stderr, sorted(done.stdout.split())) == ("", ["0", "1", "16", "4", "9"])


def test_interpreter_that_ends_does_not_wait_for_ever(
    service: ServiceProcess, key: str, client: Client, gate: Path
) -> None:
    """A job that runs for long goes on; the script ends after its bound."""
    program = f"""
import gatehouse
executor = gatehouse.Executor(gatehouse.Client({service.address!r}, {key!r}), exit_wait_s=0.5)
executor.submit("sample.hold", {str(gate)!r}).add_done_callback(lambda future: print(type(future.exception()).__name__))
"""
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=100, check=False
    )
    assert (done.stderr, done.stdout) == ("", "Unavailable\n")
    assert time.monotonic() - started < 28, (
        "half a second and the start of an interpreter; it would be 30 by default"
    )
    wait_until(Path(f"{gate}.runs").exists, timeout_s=SOON_S, what="the job was sent")


def test_callback_that_waits_for_another_thread_holds_that_thread_up_in_nothing() -> None:
    """It may wait for a lock whose owner cancels this very future just now:
    each would wait for the other."""
    future = RemoteFuture(Call.of("client.square", [1], {}), lambda _: None)
    has_begun, may_end, ended = threading.Event(), threading.Event(), []

    def callback(_: object) -> None:
        has_begun.set()
        ended.append(may_end.wait(SOON_S))

    future.add_done_callback(callback)
    settling = threading.Thread(
        target=future.settle, args=({"status": "succeeded", "result": 1, "id": "x"},)
    )
    settling.start()
    assert has_begun.wait(SOON_S)
    future.set_running()
    future.set_cancelled()
    future.fail(ValueError())
    may_end.set()
    settling.join()
    assert (ended, future.result()) == ([True], 1)


def test_callback_that_exits_ends_neither_the_executor_nor_other_calls(
    executor: Executor, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said in the log."""
    futures = [executor.submit("client.square", number) for number in range(3)]
    futures[0].add_done_callback(lambda _: sys.exit(3))
    assert [future.result(SOON_S) for future in futures] == [0, 1, 4]
    wait_until(lambda: "tried to end the process" in caplog.text, timeout_s=SOON_S)
    assert executor.submit("client.square", 3).result(SOON_S) == 9


def test_outcomes_are_not_kept_by_the_executor(executor: Executor, gate: Path) -> None:
    """A result may be large: it is gone with its future,
    though others of the same batch are still to come."""
    quick, slow = (
        list(executor.map("client.square", [5])),
        executor.submit("sample.hold", str(gate)),
    )
    alone = executor.submit("client.square", 6)
    assert (quick, alone.result(SOON_S)) == ([25], 36)
    gone = weakref.ref(alone)
    del alone
    wait_until(lambda: gone() is None, timeout_s=SOON_S, what="nobody holds the future")
    assert not slow.done()
    gate.touch()


def test_other_thread_is_refused_once_the_main_thread_has_ended(
    service: ServiceProcess, key: str
) -> None:
    """As the standard library's are: a call that nobody sends would be waited for without end."""
    program = f"""
import gatehouse, threading, time
executor = gatehouse.Executor(gatehouse.Client({service.address!r}, {key!r}))
executor.submit("client.square", 1).result()

def go_on():
    threading.main_thread().join()
    try:
        while True:
            executor.submit("client.square", 2).result()
    except RuntimeError as error:
        print(error)

threading.Thread(target=go_on).start()
"""
    assert _output_of(program) == "cannot schedule new futures after shutdown\n"


def test_executor_of_before_a_fork_is_refused_after_it(service: ServiceProcess, key: str) -> None:
    """Its thread is not in the new process; in the old one it goes on."""
    program = f"""
import gatehouse, os, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # from Python 3.12 on of any fork beside a thread
executor = gatehouse.Executor(gatehouse.Client({service.address!r}, {key!r}))
executor.submit("client.square", 1).result()
child = os.fork()
if not child:
    try:
        executor.submit("client.square", 2)
    except RuntimeError as error:
        print(error, flush=True)
    os._exit(0)
os.waitpid(child, 0)
print(executor.submit("client.square", 3).result())
"""
    assert (
        _output_of(program) == "this executor was made before a fork: make one in each process\n9\n"
    )


def _output_of(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.stderr == ""
    return done.stdout


def _threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "gatehouse-executor"]


def test_results_that_are_of_one_job_are_an_error_and_nothing_hangs() -> None:
    """As many lines as jobs, two with the same position: no line of the third would ever come."""
    futures = [RemoteFuture(Call.of("t", (), {}), lambda _: None) for _ in range(2)]
    batch = TrackedBatch("b", futures)
    line = {"position": 0, "id": "1", "status": "succeeded", "result": 5, "error": None}
    batch.take(line)
    with pytest.raises(BadAnswer):
        batch.take(line)
    assert [future.done() for future in futures] == [True, False]  # who is told fails the other
