"""What a distributed engine has to do here: carry an entry to one worker. All else is ours."""

import logging
import time
from collections.abc import Sequence
from typing import Protocol

from redis.exceptions import ResponseError

from flask_api.jobs.records.roster import WorkerKind
from flask_api.jobs.tasks.registry import AnyTask, TaskRegistry
from flask_api.jobs.tasks.signature import signature_of
from flask_api.jobs.workers.remote.entry import key_id
from shared.redis import RedisClient, build_client
from shared.settings import ApiSettings

log = logging.getLogger("gatehouse.jobs")

ENTRY_KEPT_S = 600  # what no worker took by then was sent again, or taken back
_LOOK_EVERY_S = 2.0
_LOOK_AGAIN_S = 1.0  # while it is away
_OVER_RABBITMQ = "celery-rabbitmq"


class Carrier(Protocol):
    """Brings entries to workers. Thread-safe."""

    def send(self, worker: str, entry_id: str, signed: str) -> None:
        """Bring a signed entry to a worker. An entry that was sent before may come twice, or once:
        it begins once. One that nobody takes goes after ``ENTRY_KEPT_S``. Raises whatever the
        engine raises when its broker is away."""

    def probe(self) -> None:
        """Ask the broker whether it would take an entry; one that is the jobs' Redis is not asked.
        Blocks for a few seconds at most. Raises as ``send`` does."""

    def refusal(self, error: Exception) -> str:
        """Return what must be changed when such an error says that the broker refuses us; empty
        when it is away, which passes."""

    def interrupt(self) -> None:
        """Send nothing more, and have what is being sent fail soon: a broker that hangs must not
        hold up a stop. Doesn't block."""

    def close(self) -> None:
        """Close connections. Idempotent."""


class WatchedCarrier:
    """A carrier, and whether its broker is away: then nothing begins that could not be sent.

    ``look`` is for one thread, all else is thread-safe.
    """

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self._looked_at: float | None = None
        self.is_away = False
        self.refuses = False  # and so it is as good as away
        self.interrupt, self.close = carrier.interrupt, carrier.close

    def look(self) -> bool:
        """Tell whether entries can be sent; ask the broker now and then. Not only those who send
        ask: while workers can't reach it either, no slot is offered, and nothing is sent."""
        pause_s = _LOOK_AGAIN_S if self.is_away else _LOOK_EVERY_S
        if self._looked_at is None or time.monotonic() >= self._looked_at + pause_s:
            try:
                self._carrier.probe()
                self.is_away = self.refuses = False
            except Exception as error:  # of the engine that carries
                self._note(error)
            self._looked_at = time.monotonic()
        return not self.is_away

    def send(self, worker: str, entry_id: str, signed: str) -> bool:
        """Send an entry; False when that is not possible now. Then the broker is away, and it is
        sent again; or if not, nothing can be sent to this worker."""
        if self.is_away:
            return False
        try:
            self._carrier.send(worker, entry_id, signed)
        except Exception as error:  # of the engine that carries
            if _is_of_one_queue(error):
                log.warning("entries can't be sent to the worker %s: %s", worker, error)
            else:
                self._note(error)
            return False
        return True

    def _note(self, error: Exception) -> None:
        refusal = self._carrier.refusal(error)
        if not self.is_away or self.refuses != bool(refusal):
            why = refusal or str(error) or type(error).__name__
            log.warning("entries can't be sent, tried again soon: %s", why)
        self.refuses = bool(refusal)
        self.is_away = True


def _is_of_one_queue(error: Exception) -> bool:
    """Tell whether Redis refused because of what stands under the queue's name. Other refusals, a
    replica's or for want of memory, meet every queue."""
    return isinstance(error, ResponseError) and "WRONGTYPE" in str(error)


def carrier_kind(name: str, settings: ApiSettings) -> str:
    """Return what a worker says of how it is reached: one that listens to another broker than
    servers send to is no worker of theirs."""
    if name == "celery" and settings.celery_broker_url is not None:
        return _OVER_RABBITMQ
    return name


def kind_of(
    registry: TaskRegistry, carrier: str, *, labels: tuple[str, ...], secrets: Sequence[str]
) -> WorkerKind:
    """Return what a worker with these labels can run, and whose entries it believes."""

    def fits(task: AnyTask) -> bool:
        return not task.policy.needs or task.policy.needs in labels

    signatures = {task.name: signature_of(task) for task in registry if fits(task)}
    return WorkerKind(
        carrier, frozenset(signatures), labels, signatures, tuple(map(key_id, secrets))
    )


class RedisCarrier:
    """What carriers have in common whose broker is the jobs' Redis. Thread-safe."""

    def __init__(self, settings: ApiSettings) -> None:
        self._client = client_of(settings)

    def probe(self) -> None:
        """Nothing: others tell when the jobs' Redis is away."""

    def refusal(self, error: Exception) -> str:  # noqa: ARG002  # whatever it is
        """Nothing: others tell what the jobs' Redis refuses."""
        return ""

    def interrupt(self) -> None:
        """Nothing: the jobs' Redis has a second to take an entry."""

    def close(self) -> None:
        """Close connections."""
        self._client.close()
        self._client.connection_pool.disconnect()


def client_of(settings: ApiSettings, *, timeout_s: float = 1.0) -> RedisClient:
    """Return a client of the jobs' Redis as carriers want it: values as bytes, and reads that may
    wait."""
    return build_client(
        settings.job_store_url,
        timeout_s=timeout_s,
        max_connections=8,
        of_primary=False,  # a replica takes no entry, and none is believed
        decode=False,
    )
