"""Attempts in any ``concurrent.futures.Executor``, by dotted path: for who has a cluster already.

    GATEHOUSE_EXECUTORS='{"processes": "myservice.cluster:executor"}'

The path names a function without arguments that returns the executor, Dask's
``Client(address).get_executor`` say; it is called when the first attempt runs. A slot waits here
for each future, and this process holds its job as it holds those of its own children. What runs
there writes progress, files and states itself, so Redis must be reachable from there. Nothing there
can be stopped by force: a cancel and a time-out count at the next checkpoint.
"""

import importlib
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import (
    BrokenExecutor,
    CancelledError,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from concurrent.futures import Executor as Pool
from typing import ClassVar, Self, cast

from flask_api.jobs.errors import StopReason
from flask_api.jobs.records.job import Attempt
from flask_api.jobs.records.job_reader import open_job_connections
from flask_api.jobs.records.job_writer import JobWriter, ReportAnswer
from flask_api.jobs.records.usage import quota_of
from flask_api.jobs.tasks.registry import TaskRegistry, load_tasks
from flask_api.jobs.workers.child import settings_for_child
from flask_api.jobs.workers.executor import Executor, Host, queue_for
from flask_api.jobs.workers.futures.kept_pools import KeptPool, KeptPools
from flask_api.jobs.workers.outcome import Outcome, not_begun, stopped, worker_lost
from flask_api.jobs.workers.queue import FairQueue
from flask_api.jobs.workers.remote.fleet import FleetReport
from flask_api.jobs.workers.runner import AttemptRunner, JobLogHandler
from flask_api.jobs.workers.slots import SlotExecutor
from shared.errors import ConfigurationError, JobStoreUnavailable
from shared.settings import ApiSettings

log = logging.getLogger("gatehouse.jobs")

_LOOK_EVERY_S = 0.1
_ASK_EVERY_S = 1.0
# How a pool says that it takes no more: those of the standard library, Dask's and mpi4py's ("cannot
# schedule new futures ...", "cannot submit ..."); and Dask's, whose scheduler has been away for too
# long (its own error, known by name: Dask need not be installed).
_SHUT_DOWN = "after shutdown"
_CLOSED = "ClosedClientError"
_CLOSED_HERE = Outcome(stopped=StopReason.SHUTDOWN)
_ANSWERS = {
    ReportAnswer.CANCEL_REQUESTED: StopReason.CANCELLED,
    ReportAnswer.LOST: StopReason.LOST,
}


# What the attempts of one process have in common, by what it was made from.
_PREPARED: dict[tuple[str, str], tuple[AttemptRunner, JobWriter]] = {}
_PREPARING = threading.Lock()


class FuturesExecutor(SlotExecutor):
    """Submits each attempt to an executor of somebody's, and waits for its future."""

    name: ClassVar[str]
    make_pool: ClassVar[Callable[[], Pool]]

    def __init__(
        self, queue: FairQueue, host: Host, *, registry: TaskRegistry, settings: ApiSettings
    ) -> None:
        super().__init__(queue, host, slots=settings.job_processes)
        self._registry = registry
        self._settings = settings_for_child(settings)
        self._pools = KeptPools(self._make_pool)
        self._misfit = ""  # what is wrong with what the function returned

    @classmethod
    def make(
        cls, host: Host, registry: TaskRegistry, settings: ApiSettings, _: AttemptRunner
    ) -> Self:
        """Return one with ``job_processes`` slots, however many the other executor has."""
        slots = settings.job_processes
        queue = queue_for(registry, settings, slots=slots, per_person=slots)
        return cls(queue, host, registry=registry, settings=settings)

    def run(self, attempt: Attempt) -> Outcome:
        """Run the attempt there; when this process must stop before it ends, leave it: it writes
        nothing more then."""
        job_id = attempt.job.job_id
        try:
            kept = self._pools.borrow(lambda: self._host.held.stop_reason(job_id) is not None)
        except Exception:  # of somebody's function: a cluster that can't be reached, say
            return not_begun(job_id)
        if kept is None:
            return self._not_submitted(attempt)
        try:
            return self._run_in(kept, attempt)
        finally:
            self._pools.give_back(kept)

    def _not_submitted(self, attempt: Attempt) -> Outcome:
        """Return the outcome of an attempt for which there was no executor, or no time."""
        reason = self._host.held.stop_reason(attempt.job.job_id)
        if self._pools.is_closed or reason is StopReason.SHUTDOWN:
            return _CLOSED_HERE
        if reason is not None:
            return stopped(reason, self._registry.get(attempt.job.task).policy)
        return Outcome(is_begun=False)

    def _run_in(self, kept: KeptPool, attempt: Attempt) -> Outcome:
        pool, job_id = kept.pool, attempt.job.job_id
        try:
            future = pool.submit(run_attempt, self._settings, attempt)
        except Exception as error:  # whatever it raises
            # Any other may be full only, and goes on with the attempts that it has.
            if _takes_no_more(error) or self._pools.is_of_no_use(kept):
                self._pools.replace(kept, is_broken=isinstance(error, BrokenExecutor))
            return not_begun(job_id)
        self._pools.note_open(kept, 1)
        try:
            outcome = self._wait_for(future, job_id, pool)
            if outcome is StopReason.SHUTDOWN and not future.cancelled():
                # It may go on there: handed over, it would run twice and cost no attempt.
                return worker_lost("was left by a server that stops")
            if isinstance(outcome, StopReason):
                return stopped(outcome, self._registry.get(attempt.job.task).policy)
            return outcome
        except Exception as error:  # whatever it calls a worker that died: an attempt raises none
            if isinstance(error, BrokenExecutor):
                self._pools.replace(kept, is_broken=True)
            if (
                isinstance(error, CancelledError)
                and _can_tell(pool)
                and not self._pools.is_current(kept)
            ):
                return not_begun(job_id)  # it waited there still, as we let go of it
            return worker_lost(f"was lost by its executor ({type(error).__name__})")
        finally:
            self._pools.note_open(kept, -1)

    def close(self) -> None:
        """Let go of the executor too, without waiting for what runs there."""
        super().close()
        self._pools.close()

    def _wait_for(self, future: Future[Outcome], job_id: str, pool: Pool) -> Outcome | StopReason:
        """Wait until it has ended; return why it does not count, if a cancel came first, or why it
        is not waited for any more."""
        while not _has_ended(future):
            reason = self._host.held.stop_reason(job_id)
            if reason is not None:
                has_not_begun = _can_tell(pool) and future.cancel()
                if has_not_begun or reason is not StopReason.CANCELLED:
                    return reason
        outcome = future.result()
        was_cancelled = self._host.held.stop_reason(job_id) is StopReason.CANCELLED
        return StopReason.CANCELLED if was_cancelled else outcome

    def _make_pool(self) -> Pool | None:
        """Return another executor; None if it is none. Blocks for as long as somebody's function
        does, and raises what that raises."""
        made = type(self).make_pool()
        self._judge(made)
        return None if self._misfit else made

    def _judge(self, made: object) -> None:
        """Note what the function returned, if it is no executor, and log that once."""
        before, is_pool = self._misfit, callable(getattr(made, "submit", None))
        words = f"{self.name} returned {type(made).__name__}, no concurrent.futures.Executor"
        self._misfit = "" if is_pool else words
        self.fleet = None if is_pool else _no_pool(self.name)
        if self._misfit not in ("", before):
            log.error("GATEHOUSE_EXECUTORS: %s", self._misfit)

    def waiting_for(self, task: str) -> str | None:  # noqa: ARG002  # whichever it is
        """See Executor.waiting_for."""
        return self._misfit or None


def _no_pool(name: str) -> FleetReport:
    return FleetReport(
        executor=name, workers=0, slots=0, unserved=(), differing=(), strangers=0, is_none=True
    )


def _takes_no_more(error: Exception) -> bool:
    """Tell whether a refusal says that the executor takes nothing ever again."""
    is_shut_down = isinstance(error, RuntimeError) and str(error).endswith(_SHUT_DOWN)
    return is_shut_down or isinstance(error, BrokenExecutor) or type(error).__name__ == _CLOSED


def _can_tell(pool: Pool) -> bool:
    """Tell whether of a cancelled future nothing ran: of Dask's, any future that has not ended says
    that it could be cancelled."""
    return isinstance(pool, ThreadPoolExecutor | ProcessPoolExecutor)


def _has_ended(future: Future[Outcome]) -> bool:
    """Wait a moment for a future, then tell whether it has ended. ``wait`` alone would not see the
    end of one that was cancelled while it waited in a pool that was shut down."""
    wait([future], timeout=_LOOK_EVERY_S)
    return future.done()


def futures_executor(path: str) -> type[Executor]:
    """Return the class of executors that the dotted path names. Raises ConfigurationError."""
    module, _, attribute = path.partition(":")
    try:
        make_pool = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(
            f"GATEHOUSE_EXECUTORS: {path} can't be imported: {error}"
        ) from error
    return cast(
        type[Executor],
        type("Futures", (FuturesExecutor,), {"name": path, "make_pool": staticmethod(make_pool)}),
    )


def run_attempt(settings: ApiSettings, attempt: Attempt) -> Outcome:
    """Run one attempt in the process of an executor's: called there."""
    runner, writer = _prepared(settings)
    signals: list[StopReason] = []
    asked_at = time.monotonic()

    def stop_reason() -> StopReason | None:
        """Ask Redis now and then, for nobody else tells what runs here."""
        nonlocal asked_at
        if not signals and time.monotonic() > asked_at + _ASK_EVERY_S:
            asked_at = time.monotonic()
            try:
                answer = writer.report(attempt)
            except JobStoreUnavailable:
                return None
            if answer in _ANSWERS:
                signals.append(_ANSWERS[answer])
        return signals[0] if signals else None

    return runner.run(attempt, stop_reason=stop_reason, signal=signals.append)


def _prepared(settings: ApiSettings) -> tuple[AttemptRunner, JobWriter]:
    with _PREPARING:
        key = (settings.job_store_url, settings.model_dump_json())
        if key not in _PREPARED:
            handlers = logging.getLogger().handlers
            if not any(isinstance(each, JobLogHandler) for each in handlers):
                logging.getLogger().addHandler(JobLogHandler())
            store = open_job_connections(settings, connections=8)
            registry = load_tasks(settings.task_modules)
            runner = AttemptRunner(store, registry, settings, storage="this executor's")
            _PREPARED[key] = (runner, JobWriter(store, quota_of(settings)))
        return _PREPARED[key]
