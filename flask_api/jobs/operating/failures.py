"""What failed lately, grouped by error: of which task, how often, whose, and when last.

Looks at the ended jobs that are kept longest, mostly the latest, a bounded number of them and of
bytes, and says how many. Two
errors are alike if they are of one task and one type, and their first lines differ in numbers only.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, cast

from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import JobStatus
from flask_api.jobs.records.job_reader import JobReader
from flask_api.jobs.records.reading.pages import pieces
from flask_api.jobs.removal import BATCH
from shared.redis import RedisClient, RedisGateway

MOST_LOOKED_AT = 5_000
MOST_GROUPS = 50
_MOST_BYTES = 4_000_000
_AT_ONCE = 200
_LONGEST_LINE = 200
_EXAMPLES = 5
_NUMBER = re.compile(r"[0-9]+")
_FIELDS = ("task", "owner_id", "finished_at", "error")


class _Alike(NamedTuple):
    """What failures of one group have in common."""

    task: str
    type: str
    line: str


@dataclass(slots=True, kw_only=True)
class FailureGroup:
    """Failures that are alike. ``message`` and ``examples`` are of the last ones."""

    task: str
    type: str
    message: str
    last_at: str
    count: int = 0
    people: set[str] = field(default_factory=set)
    examples: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """The most frequent groups, and among how many ended jobs they were found; ``others`` failed
    too, and are in no group that is shown."""

    groups: list[FailureGroup]
    looked_at: int
    others: int


def read_failures(store: RedisGateway, *, task: str | None = None) -> Failures:
    """Return what failed lately, of one task or of all. Raises JobStoreUnavailable."""
    groups: dict[_Alike, FailureGroup] = {}
    reader = JobReader(store)
    first = looked_at = size = 0
    while first < MOST_LOOKED_AT and size < _MOST_BYTES:
        ids = _last_ended(store, first)
        if not ids:
            break
        first += len(ids)
        jobs = [each for each in ids if not each.startswith(BATCH)]
        looked_at += len(jobs)
        failed = reader.measure(jobs, statuses={JobStatus.FAILED}, task=task, texts=("error",))
        for piece in pieces(failed):
            rows = store.read(partial(_read, ids=list(piece)), is_large=True)
            for job_id, (name, owner, at, error) in zip(piece, rows, strict=True):
                size += len(error or "")
                _add(
                    groups,
                    job_id,
                    task=name or "",
                    owner=owner or "",
                    at=at or "",
                    text=error or "",
                )
    ordered = sorted(groups.values(), key=lambda group: (-group.count, group.task, group.type))
    others = sum(group.count for group in ordered[MOST_GROUPS:])
    return Failures(groups=ordered[:MOST_GROUPS], looked_at=looked_at, others=others)


def _add(
    groups: dict[_Alike, FailureGroup], job_id: str, *, task: str, owner: str, at: str, text: str
) -> None:
    kind, line = _told(text)
    alike = _Alike(task, kind, _NUMBER.sub("#", line))
    group = groups.get(alike)
    if group is None:
        group = groups[alike] = FailureGroup(task=task, type=kind, message=line, last_at=at)
    group.count += 1
    group.people.add(owner)
    group.last_at = max(group.last_at, at)
    if len(group.examples) < _EXAMPLES:
        group.examples.append(job_id)


def _told(text: str) -> tuple[str, str]:
    """Return the type of an error and the first line of what it says."""
    try:
        error: Any = json.loads(text)
        line = str(error["message"]).strip().partition("\n")[0]
        return str(error["type"])[:_LONGEST_LINE], line[:_LONGEST_LINE]
    except (ValueError, TypeError, KeyError):
        return "", ""


def _last_ended(store: RedisGateway, first: int) -> list[str]:
    ids = store.read(
        lambda client: client.zrevrange(keyspace.EXPIRING, first, first + _AT_ONCE - 1)
    )
    return cast("list[str]", ids)


def _read(client: RedisClient, ids: Sequence[str]) -> list[list[str | None]]:
    with client.pipeline(transaction=False) as pipeline:
        for job_id in ids:
            pipeline.hmget(keyspace.record(job_id), _FIELDS)
        return cast("list[list[str | None]]", pipeline.execute())
