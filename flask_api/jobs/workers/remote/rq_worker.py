"""RQ's worker on a worker's machine: its loop takes entries from the queue, ours runs them."""

import logging
import threading
from contextlib import suppress
from functools import partial
from typing import Any

import rq
import rq.serializers
from redis.exceptions import RedisError
from rq.worker.base import StopRequested, WorkerStatus

from flask_api.jobs.workers.remote.carrier import client_of
from flask_api.jobs.workers.remote.rq_carrier import (
    FUNCTION,
    AttemptJob,
    SlotQueue,
    forget,
)
from flask_api.jobs.workers.remote.worker import RemoteWorker
from flask_api.jobs.workers.slots import SlotThreads
from shared.contract.entries import JOBS_PREFIX
from shared.logs import SaidSeldom
from shared.settings import ApiSettings

log = logging.getLogger("gatehouse.jobs")

_SLOT_LOOK_S = 0.5
_LISTEN_S = 5


class GatehouseWorker(rq.Worker):  # type: ignore[misc]  # RQ is not read by mypy
    """RQ's worker, which hands what it dequeues to ours: as many at once as that has slots.

    Its beats, states and registries are ours to keep, so RQ's own are left out.
    """

    job_class = AttemptJob
    queue_class = SlotQueue
    max_connection_wait_time = 1.0
    # A host that is cut off tells nobody: who reads from it for minutes would be deaf so long.
    dequeue_timeout = _LISTEN_S
    redis_worker_namespace_prefix = f"{JOBS_PREFIX}rq:worker:"

    def __init__(self, worker: RemoteWorker, settings: ApiSettings) -> None:
        client = client_of(settings, timeout_s=_LISTEN_S + 3)
        super().__init__(
            [worker.name.text],
            name=worker.name.text,
            connection=client,
            serializer=rq.serializers.JSONSerializer,
            prepare_for_work=False,
        )
        self._worker = worker
        self._threads = SlotThreads(name="gatehouse-slot")
        self.told_to_stop = threading.Event()
        self._unforgotten: list[str] = []

    def request_stop(self, signum: Any, frame: Any) -> None:
        """Take no more: this process was told to stop."""
        self.told_to_stop.set()
        super().request_stop(signum, frame)

    def execute_job(self, job: Any, queue: Any) -> None:  # noqa: ARG002  # its own, always
        """Have an entry run in a slot's thread; return when the next one may come."""
        signed = signed_entry(job)
        self._forget(job.id)
        entry = None if signed is None else self._worker.read(signed)
        if entry is not None:
            self._threads.run(partial(self._worker.run, entry))
        self._state = WorkerStatus.BUSY
        while not self._worker.wait_for_slot(_SLOT_LOOK_S) and not self._stop_requested:
            pass
        self._state = WorkerStatus.IDLE

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> Any:
        """Return the next entry; one that RQ can't even read is taken out, and not worth the
        worker's end."""
        while True:
            try:
                return super().dequeue_job_and_maintain_ttl(timeout, max_idle_time)
            except (RedisError, StopRequested):
                raise
            except Exception as error:
                log.warning("refused an entry of the queue: RQ can't read it")
                self._forget(str(getattr(error, "job_id", "")))

    def _forget(self, entry_id: str) -> None:
        """Take out an entry that was read, now or with the next one: it is taken over or refused
        by what it says, so one that stays for a while harms nobody."""
        self._unforgotten.append(entry_id)
        try:
            for each in list(self._unforgotten):
                forget(self.connection, self.name, each)
                self._unforgotten.remove(each)
        except RedisError:
            log.debug("an entry that was read is not taken out yet: Redis is away")

    def close(self) -> None:
        """Close the connections, and let the threads end."""
        self._threads.close()
        self.connection.close()
        self.connection.connection_pool.disconnect()

    def register_birth(self) -> None:
        """Nothing: ours is registered."""

    def register_death(self) -> None:
        """Nothing: ours leaves."""

    def subscribe(self) -> None:
        """Nothing: cancels come with our beats, no channel may stop what runs here."""

    def unsubscribe(self) -> None:
        """Nothing: there is no subscription."""

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """Nothing: our beats count."""

    def run_maintenance_tasks(self) -> None:
        """Nothing: there is no registry to clean."""

    def check_for_suspension(self, burst: bool) -> None:
        """Nothing: who should take no more is stopped."""

    def set_shutdown_requested_date(self) -> None:
        """Nothing: nobody reads it."""

    def procline(self, message: str) -> None:
        """Nothing: the process keeps its name."""

    def set_state(self, state: str, pipeline: Any = None) -> None:  # noqa: ARG002  # RQ's words
        """Remember what this process does; nobody else needs to know."""
        self._state = state

    state = property(lambda self: self._state, set_state)


def signed_entry(job: Any) -> object:
    """Return an entry's signed text; None, with a line in the log, when it asks for anything else
    than an attempt."""
    try:
        function, instance, args = job.func_name, job.instance, job.args
    except Exception:
        function, instance, args = "", None, ()
    if function != FUNCTION or instance is not None or len(args) != 1:
        log.warning("refused an entry of the queue: it is no attempt")
        return None
    signed: object = args[0]
    return signed


def require_broker(settings: ApiSettings) -> None:
    """Nothing: RQ uses whatever Redis our client can use."""


def serve(worker: RemoteWorker, settings: ApiSettings) -> None:
    """Take entries from RQ's queue until this process is told to stop.

    RQ's loop ends at the first error that it does not expect, such as a primary that became a
    replica just now. What runs here goes on then, and the loop begins again.
    """
    logging.getLogger("rq.worker").addFilter(SaidSeldom())
    loop = GatehouseWorker(worker, settings)
    try:
        while not loop.told_to_stop.is_set():
            with suppress(StopRequested):
                loop.work(logging_level="WARNING")
                loop.told_to_stop.wait(_SLOT_LOOK_S)
    finally:
        loop.close()
