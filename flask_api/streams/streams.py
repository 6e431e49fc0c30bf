"""What waits for events in one process: streams and long-polls, their places,
the one reader of events, and what keeps them up."""

import threading
from collections import Counter
from collections.abc import Callable
from functools import partial

from flask_api.jobs.batches import Batch
from flask_api.jobs.errors import EngineStopped
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.events import Doorbell, Event, EventLog, Position
from flask_api.jobs.records.job import Job, JobStatus
from flask_api.streams.access import Access
from flask_api.streams.feeds import PersonFeed
from flask_api.streams.follower import Follower
from flask_api.streams.hub import BLOCK_S, Hub
from flask_api.streams.news import NewsPause
from flask_api.streams.places import Places, ProcessPlaces, TooManyStreams
from flask_api.streams.rechecks import Rechecks
from flask_api.streams.shared import SharedChecks
from flask_api.streams.stream import Stream
from flask_api.streams.upkeep import Upkeep
from shared.errors import JobStoreUnavailable
from shared.redis import RedisGateway, build_client
from shared.settings import ApiSettings


class Streams:
    """The parked answers of one process. Thread-safe;
    making one opens no connection and starts no thread."""

    def __init__(
        self,
        jobs: RedisGateway,
        sessions: RedisGateway,
        settings: ApiSettings,
        *,
        shared: SharedChecks,
    ) -> None:
        self._event_log = EventLog(jobs)
        self._places = ProcessPlaces.of(settings)
        self._heartbeat_s = settings.stream_heartbeat_s
        self._lock = threading.Lock()
        self._open: Counter[type] = Counter()
        # The reader waits inside Redis: its own connection has the time-out for that,
        # and its own circuit breaker.
        client = build_client(
            settings.job_store_url,
            timeout_s=BLOCK_S + settings.redis_timeout_ms / 1000,
            max_connections=1,
        )
        self._waiting_store = RedisGateway(
            client, unavailable=JobStoreUnavailable, place=jobs.place
        )
        self._hub = Hub(EventLog(self._waiting_store), Doorbell(jobs))
        self._upkeep = Upkeep(
            self._event_log, Rechecks(sessions), shared, heartbeat_s=settings.stream_heartbeat_s
        )

    @property
    def taken(self) -> int:
        """How many streams are open."""
        return self._open[Stream]

    @property
    def waits(self) -> int:
        """How many requests wait for news of a job or batch."""
        return self._open[NewsPause]

    def open(
        self, feed: PersonFeed, *, after: Position | None, access: Access, can_park: bool
    ) -> Stream:
        """Return a stream of ``feed``, from a position on or from now; ``close`` it.

        Raises TooManyStreams, EngineStopped while this process stops, or JobStoreUnavailable.
        """
        if self._upkeep.is_closed:
            raise EngineStopped("This process is stopping; try again, another one will answer.")
        places = self._places.for_stream(can_park=can_park)
        if not places.take(access.person_id):
            raise TooManyStreams(
                "Every place for event streams is taken; follow by ?wait= and try again later."
            )
        try:
            follower = Follower(feed, event_log=self._event_log, after=after)
        except BaseException:
            places.free(access.person_id)
            raise
        stream = Stream(
            follower,
            hub=self._hub,
            access=access,
            heartbeat_s=self._heartbeat_s,
            on_close=partial(self._leave, places),
        )
        self._enter(stream, feed.owner_id, follower.tail)
        return stream

    def pause_for_job(
        self, job: Job, *, until: float, access: Access, can_park: bool
    ) -> NewsPause | None:
        """Return a pause until the job ends, to be closed.
        None when it has ended, or when every place is taken."""
        job_id = job.id  # it waits as long as the request does, of which there are thousands

        def ends(event: Event) -> bool:
            return event.ends_a_job and event.job == job_id

        def begin() -> Position | None:
            entry = keyspace.record(job_id)
            found, tail = self._event_log.with_tail(job.owner.id, entry, ("status",))
            has_ended = "status" not in found or JobStatus(found["status"]).is_outcome
            return None if has_ended else tail

        return self._pause(job.owner.id, ends, begin, until=until, access=access, can_park=can_park)

    def pause_for_batch(
        self, batch: Batch, *, until: float, access: Access, can_park: bool
    ) -> NewsPause | None:
        """Return a pause until one of the batch's jobs ends, to be closed.
        None when every place is taken."""
        batch_id = batch.id
        return self._pause(
            batch.owner.id,
            lambda event: event.ends_a_job and event.batch == batch_id,
            partial(self._event_log.tail, batch.owner.id),
            until=until,
            access=access,
            can_park=can_park,
        )

    def release(self) -> None:
        """End every stream and every wait, and begin no more: the first step of a graceful stop.
        Doesn't block."""
        self._upkeep.close()

    def stop(self) -> None:
        """End the threads and close the reader's connection. Idempotent."""
        self._upkeep.close()
        self._upkeep.join()
        self._hub.stop()
        self._waiting_store.close()

    def _pause(
        self,
        owner_id: str,
        concerns: Callable[[Event], bool],
        begin: Callable[[], Position | None],
        *,
        until: float,
        access: Access,
        can_park: bool,
    ) -> NewsPause | None:
        places = self._places.for_wait(can_park=can_park)
        if self._upkeep.is_closed or not places.take(access.person_id):
            return None
        try:
            tail = begin()
        except BaseException:
            places.free(access.person_id)
            raise
        if tail is None:
            places.free(access.person_id)
            return None
        pause = NewsPause(
            owner_id,
            until=until,
            access=access,
            concerns=concerns,
            on_close=partial(self._leave, places),
        )
        self._enter(pause, owner_id, tail)
        return pause

    def _enter(self, parked: Stream | NewsPause, owner_id: str, tail: Position) -> None:
        with self._lock:
            self._open[type(parked)] += 1
        try:
            self._hub.follow(owner_id, parked, tail=tail)
            self._upkeep.add(parked)
        except RuntimeError as error:
            parked.close()
            raise TooManyStreams(
                "This process can have no thread for what waits; try again later."
            ) from error
        missed = self._hub.after(owner_id, tail)
        if missed is None:
            parked.look_again()
        elif missed:
            parked.hear(missed)

    def _leave(self, places: Places, parked: Stream | NewsPause) -> None:
        self._hub.leave(parked.owner_id, parked)
        self._upkeep.discard(parked)
        places.free(parked.access.person_id)
        with self._lock:
            self._open[type(parked)] -= 1
