"""What workers on other machines can run, and the names by which they are known. A worker's name
tells its kind, which is all that may run there, and its slots:

    <kind>.<slots>.<32 hex digits>      a slot: <worker>#0, <worker>#1 ...
"""

import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Self

FORMAT = 1  # of what is sent to workers: one of another format is of another kind
_MOST_CHARACTERS = 1_000_000  # of a kind: thousands of tasks
_NAME = re.compile(r"(?P<kind>[0-9a-f]{16})\.(?P<slots>[0-9]{1,3})\.[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class WorkerKind:
    """What workers of one kind can run, how they are reached (by which ``carrier``), and which
    secrets they know (``keys``, by id; older ones tell none)."""

    carrier: str
    tasks: frozenset[str]
    labels: tuple[str, ...] = ()
    signatures: Mapping[str, str] = field(default_factory=dict)  # of tasks; older ones tell none
    keys: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The kind as it is stored; signatures in the order of the tasks."""
        stored = {
            "format": FORMAT,
            "carrier": self.carrier,
            "tasks": sorted(self.tasks),
            "labels": sorted(self.labels),
        }
        if self.signatures:
            stored["signatures"] = [self.signatures.get(task, "") for task in sorted(self.tasks)]
        if self.keys:
            stored["keys"] = sorted(self.keys)
        return json.dumps(stored, separators=(",", ":"))

    @property
    def id(self) -> str:
        """Its name: workers that can run the same have the same."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:16]

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Return what is stored, None for what another version stored and for what is no kind:
        whoever can write to Redis may have put it there."""
        if len(text) > _MOST_CHARACTERS:
            return None
        try:
            stored = json.loads(text)
            if stored["format"] != FORMAT:
                return None
            carrier, tasks, labels = (stored[name] for name in ("carrier", "tasks", "labels"))
            told, keys = stored.get("signatures", []), stored.get("keys", [])
            if not all(isinstance(word, str) for word in (carrier, *tasks, *labels, *told, *keys)):
                return None
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return None
        signatures = {task: text for task, text in zip(tasks, told, strict=False) if text}
        return cls(carrier, frozenset(tasks), tuple(labels), signatures, tuple(keys))

    @property
    def executor(self) -> str:
        """The executor whose workers they are, whatever broker brings them their attempts."""
        return self.carrier.partition("-")[0]

    def verifies(self, key: str) -> bool:
        """Tell whether these workers believe what is signed with the secret of this id."""
        return not self.keys or key in self.keys

    def differing(self, signatures: Mapping[str, str]) -> list[str]:
        """Return the tasks of which these workers have another signature than these."""
        return [
            task
            for task, text in sorted(self.signatures.items())
            if signatures.get(task, text) != text
        ]


class WorkerName(NamedTuple):
    """A worker's name, and what it tells."""

    text: str
    kind: str
    slots: int

    @classmethod
    def new(cls, kind: WorkerKind, slots: int) -> Self:
        """Return a name that nobody has."""
        return cls(f"{kind.id}.{slots}.{secrets.token_hex(16)}", kind.id, slots)

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return what a name tells, None for what is no name: whoever can write to Redis may have
        put it there."""
        found = _NAME.fullmatch(text)
        return None if found is None else cls(text, found["kind"], int(found["slots"]))

    @property
    def all_slots(self) -> list[str]:
        """Its slots, free or not."""
        return [f"{self.text}#{number}" for number in range(self.slots)]
