"""What is sent to a worker: which attempt to run, signed. Nothing else of a queue's entry counts.

    {"attempt":1,"digest":"<sha256 of the arguments>","format":1,"job":"0197...",
     "sender":"<instance>","slot":"<worker>#0","task":"primes.sum"}.<HMAC-SHA256 in hex>

Whoever can write to Redis can put entries into a queue. Without the secret none of them is
believed; with one that was seen there, nothing begins twice: the attempt is taken over once
(records/lua/take.lua). Arguments stay in the record; the digest says that they are those that were
accepted. No pickle, no dotted path: which code runs is the worker's own table of tasks.
"""

import hashlib
import hmac
import json
import logging
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from flask_api.jobs.records.roster import FORMAT, EndNotice

log = logging.getLogger("gatehouse.jobs")

MAX_BYTES = 2_000
MOST_LINES = 20  # a second, about entries refused for the same reason
_PURPOSE = b"gatehouse.attempt."
_KEY_PURPOSE = b"gatehouse.worker-key"  # begins as no signed text does


class EntryRefusedError(Exception):
    """An entry that no sender of ours made, or of another format. The message says which."""


class AttemptEntry(NamedTuple):
    """An attempt on its way to a worker's slot."""

    job: str
    attempt: int
    task: str
    sender: str
    slot: str
    digest: str

    @property
    def id(self) -> str:
        """The same for the same attempt: a carrier that knows it keeps one."""
        return f"{self.job}-{self.attempt}"


@dataclass(slots=True)
class EntryPlace:
    """What an entry occupies at its worker until it has ended: a slot, None when it has none or
    gave it back; the job, while it is held; and what its sender is still to be told."""

    sender: str
    slot: str | None
    is_held: bool = False
    notice: EndNotice | None = None


class Refusals:
    """Says in the log what is refused of a queue, each reason in so many lines a second at most: a
    flood would fill a disk. Reasons are few, and none is made of an entry. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._second = 0
        self._said: Counter[str] = Counter()

    def note(self, why: str) -> None:
        """Say why an entry was refused, unless that was said often just now."""
        second = int(time.monotonic())
        with self._lock:
            if second != self._second:
                self._second, self._said = second, Counter()
            self._said[why] += 1
            is_said = self._said[why] <= MOST_LINES
        if is_said:
            log.warning("refused an entry of the queue: %s", why)


REFUSALS = Refusals()  # of this process, which is one worker


class TakenEntries:
    """The entries that were taken here and whose end is not known to be written. Thread-safe.

    Redis gives an attempt to its holder once more, for a reply may be lost; so until its end is
    written, only this keeps a copy of its entry from running it again. It is the attempt that is
    remembered, not the job: the next attempt may come before the reply about this one.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ids: set[str] = set()

    def add(self, entry: AttemptEntry) -> bool:
        """Remember an entry; False for a copy of one that is remembered."""
        with self._lock:
            is_new = entry.id not in self._ids
            self._ids.add(entry.id)
            return is_new

    def remove(self, entry: AttemptEntry) -> None:
        """Forget an entry: Redis refuses copies of it from now on."""
        with self._lock:
            self._ids.discard(entry.id)


def digest_of(arguments: str) -> str:
    """Return what tells arguments from others."""
    return hashlib.sha256(arguments.encode()).hexdigest()


def key_id(secret: str) -> str:
    """Return which secret it is, for who has it too: a worker tells this, so that it is sent only
    what it can believe. The secret can't be had from it, nor anything signed."""
    return hmac.new(secret.encode(), _KEY_PURPOSE, hashlib.sha256).hexdigest()[:16]


def sign(entry: AttemptEntry, secret: str) -> str:
    """Return the entry as text that only who has the secret can make."""
    stored = {**entry._asdict(), "format": FORMAT}
    text = json.dumps(stored, separators=(",", ":"), sort_keys=True)
    return f"{text}.{_signature(text, secret)}"


def read_entry(signed: object, secrets: Sequence[str]) -> AttemptEntry:
    """Return the entry that a sender of ours signed. Raises EntryRefusedError, before anything of
    it is parsed."""
    if not isinstance(signed, str) or len(signed) > MAX_BYTES or not signed.isascii():
        raise EntryRefusedError("it is no signed text")
    text, _, signature = signed.rpartition(".")
    if not any(hmac.compare_digest(_signature(text, secret), signature) for secret in secrets):
        raise EntryRefusedError("its signature is not of GATEHOUSE_WORKER_SECRETS")
    stored = json.loads(text)
    if stored.pop("format", None) != FORMAT:
        raise EntryRefusedError("it is of another version of Gatehouse")
    return AttemptEntry(**stored)


def read_or_refuse(signed: object, secrets: Sequence[str]) -> AttemptEntry | None:
    """Return the entry as :func:`read_entry` does; None for what the log says is refused."""
    try:
        return read_entry(signed, secrets)
    except EntryRefusedError as error:
        REFUSALS.note(str(error))
        return None


def _signature(text: str, secret: str) -> str:
    return hmac.new(secret.encode(), _PURPOSE + text.encode(), hashlib.sha256).hexdigest()
