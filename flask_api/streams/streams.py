"""The streams of one process: their places, the one reader of events, and its connection."""

from flask_api.jobs.errors import EngineStopped
from flask_api.jobs.records.events import EventLog, Position
from flask_api.streams.access import Access
from flask_api.streams.connection import Connection
from flask_api.streams.feeds import PersonFeed
from flask_api.streams.follower import Follower
from flask_api.streams.hub import BLOCK_S, Hub
from flask_api.streams.places import Places
from flask_api.streams.stream import Stream
from shared.errors import JobStoreUnavailable
from shared.redis import Store, build_client
from shared.settings import ApiSettings


class Streams:
    """The streams of one process. Thread-safe;
    making one opens no connection and starts no thread."""

    def __init__(self, store: Store, settings: ApiSettings) -> None:
        self._event_log = EventLog(store)
        self._places = Places(limit=settings.max_streams)
        self._heartbeat_s = settings.stream_heartbeat_s
        # The reader waits inside Redis: its own connection has the time-out for that,
        # and its own circuit breaker.
        client = build_client(
            settings.job_store_url,
            timeout_s=BLOCK_S + settings.redis_timeout_ms / 1000,
            max_connections=1,
        )
        self._waiting_store = Store(client, unavailable=JobStoreUnavailable)
        self._hub = Hub(EventLog(self._waiting_store))

    @property
    def taken(self) -> int:
        """How many streams are open."""
        return self._places.taken

    def open(
        self,
        feed: PersonFeed,
        *,
        person_id: str,
        after: Position | None,
        access: Access,
        connection: Connection,
    ) -> Stream:
        """Return a stream of ``feed`` for a person, from a position on or from now; ``close`` it.

        Raises TooManyStreams, EngineStopped while this process stops, or JobStoreUnavailable.
        """
        if self._hub.is_closed:
            raise EngineStopped("This process is stopping; try again, another one will answer.")
        self._places.take(person_id)
        try:
            follower = Follower(feed, hub=self._hub, event_log=self._event_log, after=after)
        except BaseException:
            self._places.free(person_id)
            raise
        return Stream(
            follower,
            hub=self._hub,
            access=access,
            connection=connection,
            heartbeat_s=self._heartbeat_s,
            on_close=lambda: self._places.free(person_id),
        )

    def release(self) -> None:
        """End every stream, and open no more: the first step of a graceful stop. Doesn't block."""
        self._hub.close()

    def stop(self) -> None:
        """End the reader and close its connection. Idempotent."""
        self._hub.stop()
        self._waiting_store.close()
