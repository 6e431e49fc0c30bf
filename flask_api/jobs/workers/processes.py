"""Attempts in child processes: for CPU work, and for code that must be stopped by force.

Each slot has a child and a pipe of its own, so a child that is killed, or that kills itself, takes
only its own job along; a time-out and a cancel kill it. Children are never forked from this
threaded process; they come from a fork server or are spawned, on first use. Pebble 5.2 shares pipes
and locks between its children: one killed while idle broke its pool for good.
"""

import multiprocessing
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import wait
from typing import Any, ClassVar, Self

from flask_api.jobs.errors import StopReason
from flask_api.jobs.records.job import Attempt
from flask_api.jobs.tasks.policy import Policy
from flask_api.jobs.tasks.registry import TaskRegistry
from flask_api.jobs.workers import child
from flask_api.jobs.workers.executor import Host, queue_for
from flask_api.jobs.workers.outcome import Outcome, not_begun, stopped, worker_lost
from flask_api.jobs.workers.queue import FairQueue
from flask_api.jobs.workers.runner import AttemptRunner
from flask_api.jobs.workers.slots import SlotExecutor
from shared.settings import ApiSettings

START_METHOD = "forkserver" if sys.platform == "linux" else "spawn"
_LOOK_EVERY_S = 0.1
# A willing task ends itself at its time-out and its child goes on;
# after so long more the child is killed.
_GRACE_S = 0.3
_KILL_WAIT_S = 5.0
# A child that dies before an attempt has begun in it (it was idle when it was killed)
# costs the job nothing but another child.
_TRIES = 3
# multiprocessing looks after all children whenever one is started:
# two threads at once would steal each other's exit codes.
_ONE_AT_A_TIME = threading.Lock()


class ChildLostError(Exception):
    """The child's process ended. ``had_begun``: with an attempt that had begun in it."""

    had_begun = False


class Child:
    """One child process and the pipe to it. For one thread at a time."""

    def __init__(self, settings: ApiSettings) -> None:
        context: Any = multiprocessing.get_context(START_METHOD)
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=child.serve,
            args=(theirs, child.settings_for_child(settings)),
            name="gatehouse-child",
            daemon=True,
        )
        with _ONE_AT_A_TIME:
            self._process.start()
        theirs.close()

    @property
    def is_alive(self) -> bool:
        """Tell whether the process lives."""
        with _ONE_AT_A_TIME:
            return bool(self._process.is_alive())

    def send(self, attempt: Attempt) -> None:
        """Ask for an attempt. Raises ChildLostError."""
        try:
            self._pipe.send(attempt)
        except OSError as error:
            raise ChildLostError from error

    def find_answer(self) -> Any:
        """Return what the child says next, None when it says nothing for a moment.
        Raises ChildLostError."""
        ready = wait([self._pipe, self._process.sentinel], timeout=_LOOK_EVERY_S)
        if not ready:
            return None
        try:
            if self._pipe.poll():  # also when it has ended since: its last word counts
                return self._pipe.recv()
        except (EOFError, OSError) as error:
            raise ChildLostError from error
        raise ChildLostError

    def end(self, *, kill: bool = True) -> int | None:
        """End the process, by force at once or after a moment;
        return its exit code, negative for a signal. Idempotent."""
        with _ONE_AT_A_TIME:
            # One that is ending by itself (its pipe closed first) keeps its own exit code.
            if not wait([self._process.sentinel], timeout=0 if kill else _LOOK_EVERY_S):
                self._process.kill()
            self._process.join(_KILL_WAIT_S)
            self._pipe.close()
            code: int | None = self._process.exitcode
            return code


class Children:
    """Child processes that run attempts, one each at a time; idle ones are kept. Thread-safe."""

    def __init__(self, settings: ApiSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._idle: list[Child] = []
        self._is_closed = False

    def run(
        self, attempt: Attempt, policy: Policy, *, stop_reason: Callable[[], StopReason | None]
    ) -> Outcome:
        """Run the attempt in a child; kill the child when it must stop. Blocks until then."""
        reason = stop_reason()
        if reason is not None or self._is_closed:
            return stopped(reason or StopReason.SHUTDOWN, policy)
        for _ in range(_TRIES):
            try:
                process = self._take()
            # The machine has no process for it, or the fork server died as it made one.
            except (OSError, EOFError):
                return not_begun(attempt.job.job_id)
            try:
                process.send(attempt)
                outcome = _wait_for(process, policy, stop_reason)
            except ChildLostError as error:
                code = process.end(kill=False)
                if error.had_begun or stop_reason() is not None:
                    break
            else:
                if outcome is not None:
                    self._give_back(process)
                    return outcome
                return stopped(stop_reason() or StopReason.TIMED_OUT, policy)
        reason = stop_reason()
        if reason is None:
            return worker_lost(f"ended with exit code {code}")
        return stopped(reason, policy)

    def close(self) -> None:
        """End the children that are idle, and the others when their attempts end. Idempotent."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for process in idle:
            process.end()

    def _take(self) -> Child:
        while True:
            with self._lock:
                process = self._idle.pop() if self._idle else None
            if process is None:
                return Child(self._settings)
            if process.is_alive:
                return process
            process.end()

    def _give_back(self, process: Child) -> None:
        with self._lock:
            if not self._is_closed:
                self._idle.append(process)
                return
        process.end()


def _wait_for(
    process: Child, policy: Policy, stop_reason: Callable[[], StopReason | None]
) -> Outcome | None:
    """Return how the attempt ended; None when the child was killed for it.
    Raises ChildLostError."""
    deadline: float | None = None
    has_begun = False
    while True:
        try:
            answer = process.find_answer()
        except ChildLostError as error:
            error.had_begun = has_begun
            raise
        if isinstance(answer, Outcome):
            return answer
        if answer == child.BEGUN:
            has_begun = True
            deadline = (
                None if policy.timeout_s is None else time.monotonic() + policy.timeout_s + _GRACE_S
            )
        is_late = deadline is not None and time.monotonic() > deadline
        if is_late or stop_reason() is not None:
            process.end()
            return None


class ProcessesExecutor(SlotExecutor):
    """Attempts in child processes; each slot waits in a thread for its child."""

    name: ClassVar[str] = "processes"

    def __init__(
        self, queue: FairQueue, host: Host, *, registry: TaskRegistry, settings: ApiSettings
    ) -> None:
        super().__init__(queue, host, slots=settings.job_processes)
        self._registry = registry
        self._children = Children(settings)

    @classmethod
    def make(
        cls,
        host: Host,
        registry: TaskRegistry,
        settings: ApiSettings,
        runner: AttemptRunner,  # noqa: ARG003  # each child makes its own
    ) -> Self:
        """Return one with ``job_processes`` slots, all of which one person may take."""
        slots = settings.job_processes
        queue = queue_for(registry, settings, slots=slots, per_person=slots)
        return cls(queue, host, registry=registry, settings=settings)

    def run(self, attempt: Attempt) -> Outcome:
        """Run the attempt in a child; kill the child when it must stop."""
        policy = self._registry.get(attempt.job.task).policy
        stop_reason = partial(self._host.held.stop_reason, attempt.job.job_id)
        return self._children.run(attempt, policy, stop_reason=stop_reason)

    def close(self) -> None:
        """End the children, too."""
        super().close()
        self._children.close()
