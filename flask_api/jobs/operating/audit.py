"""The record of what operators do: written before it is done, and what came of it afterwards.

    audit            stream  {"act": "cancel", "thing": "job 0199...", "owner_id": "7", "by": "12",
                             "username": "olga", "key_id": "", "address": "203.0.113.7", "note": ""}
    audit-outcomes   hash    the entry's id -> "done", "refused: ..." or an HTTP status

Nothing is done that could not be written here first. What has no outcome may have been done: its
process died in between. The oldest entries go when there are more than MOST_KEPT; no entry and no
outcome is ever changed. Every act is a line of the security log too, which keeps them longer.
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

MOST_KEPT = 20_000
_LONGEST = 200  # characters of one text of an entry
_KEYS = (keyspace.AUDIT, keyspace.AUDIT_OUTCOMES)


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
        """Write what is about to be done; return the entries' ids. Durable when it returns."""
        arguments: list[Any] = [MOST_KEPT, *(deed.text for deed in deeds)]
        return cast("list[str]", self._store.run(self._scripts["audit"], _KEYS, arguments))

    def end(self, outcomes: Mapping[str, str]) -> None:
        """Write what came of them, by their ids. The first word counts."""
        arguments = [each for id_, said in outcomes.items() for each in (id_, said[:_LONGEST])]
        self._store.run(self._scripts["audit_end"], _KEYS, arguments)

    def page(self, *, limit: int, cursor: str | None = None) -> tuple[list[AuditEntry], str | None]:
        """Return entries, the newest first, and where the next page begins, None on the last."""
        upper = f"({cursor}" if cursor else "+"
        rows = self._store.read(
            lambda client: cast(
                "list[tuple[str, dict[str, str]]]",
                client.xrevrange(keyspace.AUDIT, upper, "-", count=limit + 1),
            )
        )
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


def _outcomes(client: RedisClient, ids: Sequence[str]) -> list[str | None]:
    return cast("list[str | None]", client.hmget(keyspace.AUDIT_OUTCOMES, list(ids)))


def _time_of(entry_id: str) -> str:
    return format_time(datetime.fromtimestamp(int(entry_id.partition("-")[0]) / 1000, UTC))
