"""The record of what operators do: written before it is done, and what came of it afterwards.

    audit            stream  {"act": "cancel", "thing": "job 0199...", "owner_id": "7", "by": "12",
                             "username": "olga", "key_id": "", "address": "203.0.113.7", "note": ""}
    audit-outcomes   hash    the entry's id -> "done", "refused: ..." or an HTTP status
    looks            stream  the same of what was only looked at, with outcomes in looks-outcomes

Nothing is done that could not be written here first. What has no outcome may have been done: its
process died in between. The oldest deeds go when there are more than MOST_KEPT, the oldest looks
when there are more than MOST_LOOKS, so that looks push out no deeds. No two have one id; no entry
and no outcome is ever changed. Every act is a line of the security log too, which keeps them
longer.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Self, cast

from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import format_time
from flask_api.jobs.records.scripts import load_scripts
from shared.redis import RedisClient, RedisGateway

LOOK = "look at"  # the act that changes nothing
MOST_KEPT, MOST_LOOKS = 20_000, 20_000
_LONGEST = 200  # characters of one text of an entry
_DEEDS = (keyspace.AUDIT, keyspace.AUDIT_OUTCOMES)
_LOOKS = (keyspace.LOOKS, keyspace.LOOKS_OUTCOMES)
_Rows = list[tuple[str, dict[str, str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What an operator is about to do: to what, whose that is, who they are and from where."""

    act: str
    thing: str
    by: str
    username: str
    owner_id: str = ""  # "" of what is nobody's
    key_id: str = ""  # "" by a session
    address: str = ""
    note: str = ""

    @property
    def text(self) -> str:
        """The deed as it is stored, no text of it longer than is kept."""
        cut = {name: value[:_LONGEST] for name, value in asdict(self).items()}
        return json.dumps(cut, ensure_ascii=False)

    @classmethod
    def read(cls, text: str) -> Self:
        """Return what is stored; what another version added is left out."""
        stored = json.loads(text)
        return cls(**{name: str(stored.get(name, "")) for name in cls.__dataclass_fields__})


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One deed in the record. ``outcome``: "" while nobody knows."""

    id: str
    at: str
    deed: Deed
    outcome: str


class AuditLog:
    """Writes and reads the record. Thread-safe; raises JobStoreUnavailable while Redis is away.
    Works while Redis is full."""

    def __init__(self, store: RedisGateway) -> None:
        self._store = store
        self._scripts = load_scripts()

    def begin(self, deeds: Sequence[Deed]) -> list[str]:
        """Write what is about to be done, all deeds or all looks; return the entries' ids.
        Durable when it returns."""
        if all(deed.act == LOOK for deed in deeds):
            keys, most = (*_LOOKS, keyspace.AUDIT), MOST_LOOKS
        else:
            keys, most = (*_DEEDS, keyspace.LOOKS), MOST_KEPT
        arguments: list[Any] = [most, *(deed.text for deed in deeds)]
        return cast("list[str]", self._store.run(self._scripts["audit"], keys, arguments))

    def end(self, outcomes: Mapping[str, str]) -> None:
        """Write what came of them, by their ids. The first word counts."""
        arguments = [each for id_, said in outcomes.items() for each in (id_, said[:_LONGEST])]
        self._store.run(self._scripts["audit_end"], (*_DEEDS, *_LOOKS), arguments)

    def page(self, *, limit: int, cursor: str | None = None) -> tuple[list[AuditEntry], str | None]:
        """Return entries, the newest first, and where the next page begins, None on the last."""
        upper = f"({cursor}" if cursor else "+"
        rows = self._store.read(lambda client: _newest(client, upper, limit + 1))
        more, rows = len(rows) > limit, rows[:limit]
        ids = [id_ for id_, _ in rows]
        outcomes = self._store.read(lambda client: _outcomes(client, ids)) if ids else []
        entries = [
            AuditEntry(
                id=id_, at=_time_of(id_), deed=Deed.read(fields["deed"]), outcome=outcome or ""
            )
            for (id_, fields), outcome in zip(rows, outcomes, strict=True)
        ]
        return entries, ids[-1] if more else None


def _newest(client: RedisClient, upper: str, count: int) -> _Rows:
    """Return the newest deeds and looks, up to an id; no two have the same."""
    with client.pipeline(transaction=False) as pipeline:
        for stream in (keyspace.AUDIT, keyspace.LOOKS):
            pipeline.xrevrange(stream, upper, "-", count=count)
        deeds, looks = cast("tuple[_Rows, _Rows]", pipeline.execute())
    return sorted((*deeds, *looks), key=lambda row: _order(row[0]), reverse=True)[:count]


def _outcomes(client: RedisClient, ids: Sequence[str]) -> list[str | None]:
    with client.pipeline(transaction=False) as pipeline:
        for name in (keyspace.AUDIT_OUTCOMES, keyspace.LOOKS_OUTCOMES):
            pipeline.hmget(name, list(ids))
        deeds, looks = cast("tuple[list[str | None], list[str | None]]", pipeline.execute())
    return [of_deed or of_look for of_deed, of_look in zip(deeds, looks, strict=True)]


def _order(entry_id: str) -> tuple[int, int]:
    ms, _, number = entry_id.partition("-")
    return int(ms), int(number)


def _time_of(entry_id: str) -> str:
    return format_time(datetime.fromtimestamp(int(entry_id.partition("-")[0]) / 1000, UTC))
