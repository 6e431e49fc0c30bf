"""What Redis knows of uploaded files: the record, whose it is, how much that person keeps,
who needs it, when it goes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from typing import Any, cast

from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import JobStatus, format_time
from flask_api.jobs.records.scripts import ALLOW_OOM, load_scripts
from shared.clock import JOBS_CLOCK
from shared.errors import JobStoreUnavailable
from shared.job_ids import made_at
from shared.redis import RedisClient, RedisGateway, Script

_LUA = Path(__file__).parent / "lua"
_SCRIPTS = ("reserve_upload", "renew_upload", "keep_upload", "hold_uploads", "drop_upload")
# A file of which nothing has come for so long is forgotten: whoever received it has died, say.
RECEIVING_S = 300
# A needed file stays at least so long from the submit on,
# and so much longer each time that its time is over.
HELD_S = 3600
# A file knows of all jobs that were to be submitted with it: each time that these are so many more,
# those that have ended are forgotten. A job that is not there may be accepted just now.
_HOLDERS = 10_000
_ACCEPTED_WITHIN_S = 600

Fields = dict[str, str]


class NoRoom(IntEnum):
    """Why a file is not received: reserve_upload.lua's answer in place of a number of bytes."""

    FILES = -1  # the person keeps as many as they may
    BYTES = -2


class UploadEntries:
    """Reads and writes them. Thread-safe; raises JobStoreUnavailable while Redis is away."""

    def __init__(self, store: RedisGateway) -> None:
        self._store = store
        texts = {name: (_LUA / f"{name}.lua").read_text() for name in _SCRIPTS}
        # what the sweeper writes while Redis is full: else it would free nothing either
        texts["hold_by_force"] = ALLOW_OOM + texts["hold_uploads"]
        self._scripts = {name: Script(text) for name, text in texts.items()}
        self._scripts["postpone"] = load_scripts()["postpone"]

    def find_many(self, file_ids: Sequence[str]) -> list[Fields | None]:
        """Return the fields of files, None for one that is not there or not yet received whole."""
        rows = self._store.read(lambda client: _ask(client, file_ids, _read)) if file_ids else []
        return [row if "name" in row else None for row in rows]

    def ids_of(self, owner_id: str) -> list[str]:
        """Return the ids of a person's files, newest first; some may still be being received."""
        ids = self._store.read(
            lambda client: cast("list[str]", client.hkeys(keyspace.uploads(owner_id)))
        )
        return sorted(ids, reverse=True)

    def bytes_of(self, owner_id: str) -> int:
        """Return how many bytes a person's files have,
        or may have while they are being received."""
        sizes = self._store.read(
            lambda client: cast("list[str]", client.hvals(keyspace.uploads(owner_id)))
        )
        return sum(map(int, sizes))

    def reserve(
        self,
        file_id: str,
        *,
        owner_id: str,
        size: int | None,
        largest: int,
        person_bytes: int,
        person_files: int,
    ) -> int:
        """Make room among the person's files: how many bytes it may have, or a NoRoom."""
        wanted = "" if size is None else size
        forgotten_at = JOBS_CLOCK.now() + RECEIVING_S
        arguments = [file_id, wanted, largest, person_bytes, person_files, forgotten_at, owner_id]
        return int(self._run("reserve_upload", _keys(file_id, owner_id), arguments))

    def renew(self, file_id: str, *, owner_id: str) -> bool:
        """Note that a file is still being received; False when it was forgotten. While Redis is
        away it is not noted: the next time is soon enough."""
        forgotten_at = JOBS_CLOCK.now() + RECEIVING_S
        with suppress(JobStoreUnavailable):
            return bool(
                self._run("renew_upload", _keys(file_id, owner_id), [file_id, forgotten_at])
            )
        return True

    def keep(
        self,
        file_id: str,
        fields: Mapping[str, str],
        *,
        owner_id: str,
        size: int,
        expires_at: datetime,
    ) -> bool:
        """List a file that was received whole; False when that took so long that it was
        forgotten."""
        flat = [part for pair in fields.items() for part in pair]
        return bool(
            self._run(
                "keep_upload",
                _keys(file_id, owner_id),
                [file_id, size, expires_at.timestamp(), *flat],
            )
        )

    def hold(self, file_ids: Sequence[str], holder: str, *, force: bool = False) -> bool:
        """Keep files for ``holder`` (job:... or batch:...) until it has ended; False when one of
        them is gone. ``force``: even if Redis is full."""
        until = JOBS_CLOCK.now() + HELD_S
        keys = [keyspace.EXPIRING_UPLOADS]
        for file_id in file_ids:
            keys += (keyspace.upload(file_id), keyspace.holders(file_id))
        shown = format_time(datetime.fromtimestamp(until, UTC))
        script = "hold_by_force" if force else "hold_uploads"
        most = int(self._run(script, keys, [holder, until, shown, *file_ids]))
        if most and most % _HOLDERS == 0:
            for file_id in file_ids:
                self._forget_ended(file_id, keep=holder)
        return most > 0

    def drop(self, file_id: str, *, expired_by: float | None = None) -> bool:
        """Forget a file, but not one that an unfinished job needs;
        then delete its content and call :meth:`forget`.

        With ``expired_by`` only if its time was over by then;
        one that is needed stays for HELD_S more.
        """
        owner_id = self._store.read(
            lambda client: cast("str | None", client.hget(keyspace.upload(file_id), "owner_id"))
        )
        holders = self._holders_of(file_id)
        needing = self._unfinished(sorted(holders))
        if needing:
            if expired_by is not None:
                self.hold([file_id], needing[0], force=True)
                ended = holders - set(needing)
                # a file that is needed for years must not know of all jobs that ever needed it
                if ended:
                    self._store.write(lambda client: client.srem(keyspace.holders(file_id), *ended))
            return False
        keys = [*_keys(file_id, owner_id or ""), keyspace.holders(file_id)]
        return bool(
            self._run(
                "drop_upload", keys, [file_id, "" if expired_by is None else expired_by, *holders]
            )
        )

    def forget(self, file_id: str) -> None:
        """Note that the content of a dropped file is deleted."""
        self._store.write(lambda client: client.zrem(keyspace.EXPIRING_UPLOADS, file_id))

    def postpone(self, file_id: str, until: float) -> None:
        """Note that a file is looked at again then, unless its content is deleted: also while Redis
        is full, or the sweep would end there and free nothing."""
        self._run("postpone", [keyspace.EXPIRING_UPLOADS], [until, file_id])

    def due(self, now: float, *, limit: int) -> list[str]:
        """Return files whose time is over, and those whose content was not deleted yet."""
        entry = keyspace.EXPIRING_UPLOADS
        return cast(
            "list[str]",
            self._store.read(lambda client: client.zrangebyscore(entry, "-inf", now, 0, limit)),
        )

    def _forget_ended(self, file_id: str, *, keep: str) -> None:
        """Forget holders that have ended, or were never accepted; ``keep``: it will be, a retry of
        an ended job too."""
        holders = self._holders_of(file_id)
        latest = JOBS_CLOCK.now() - _ACCEPTED_WITHIN_S
        earlier = {each for each in holders if made_at(each.partition(":")[2]) < latest}
        if ended := earlier.difference(self._unfinished(sorted(earlier)), {keep}):
            self._store.write(lambda client: client.srem(keyspace.holders(file_id), *ended))

    def _holders_of(self, file_id: str) -> set[str]:
        key = keyspace.holders(file_id)
        return self._store.read(lambda client: cast("set[str]", client.smembers(key)))

    def _unfinished(self, holders: Sequence[str]) -> list[str]:
        """Return which of these have not ended. One that was never accepted, or is forgotten,
        has."""
        states = (
            self._store.read(lambda client: _ask(client, holders, _read_state)) if holders else []
        )
        return [
            holder
            for holder, state in zip(holders, states, strict=True)
            if _is_unfinished(holder, state)
        ]

    def _run(self, script: str, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        return self._store.run(self._scripts[script], keys, arguments)


def _keys(file_id: str, owner_id: str) -> list[str]:
    return [keyspace.upload(file_id), keyspace.uploads(owner_id), keyspace.EXPIRING_UPLOADS]


def _ask(client: RedisClient, items: Iterable[str], ask: Callable[[Any, str], object]) -> list[Any]:
    with client.pipeline(transaction=False) as pipeline:
        for item in items:
            ask(pipeline, item)
        return pipeline.execute()


def _read(pipeline: Any, file_id: str) -> None:
    pipeline.hgetall(keyspace.upload(file_id))


def _read_state(pipeline: Any, holder: str) -> None:
    kind, _, each = holder.partition(":")
    if kind == "batch":
        pipeline.hget(keyspace.batch(each), "unfinished")
    else:
        pipeline.hget(keyspace.record(each), "status")


def _is_unfinished(holder: str, state: str | None) -> bool:
    if state is None:
        return False
    return (
        state != "0"
        if holder.startswith("batch:")
        else state in (JobStatus.QUEUED, JobStatus.RUNNING)
    )
