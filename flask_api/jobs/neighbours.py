"""Processes of this machine, whose end is seen at once: others are known dead only when their
heartbeat has run out.

A process tells with its beats where it runs (:class:`ProcessMark`). Who shares its machine looks
each second whether it is still there. Only one that was seen alive here is believed to have ended:
machines that were copied while they ran take each other's processes for their own. Only one of them
has Redis itself as a process. Who knows that it is beside it tells so, and of two that do, neither
is on a copy: one that ended before anybody looked, as the predecessor of a server that is alone, is
believed too.
"""

import hashlib
import os
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from flask_api.jobs.records.beats import Beat, ExecutorLoad, ProcessMark, write_beat

_LOOK_EVERY_S = 1.0
# Gone so long: what ends with it (.workers.child) has ended too.
_GONE_S = 1.0
_PROC = Path("/proc")
_ENDED = (b"Z", b"X")


def mark_of_this_process() -> ProcessMark | None:
    """Return where this process runs, and which one it is there; None where no kernel tells."""
    try:
        if os.readlink(_PROC / "self") != str(os.getpid()):
            return None  # another container's: its numbers are other processes'
        names = os.stat(_PROC / "self/ns/pid").st_ino  # of containers, each has process ids
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        _, begun = _state_of(os.getpid())
    except (OSError, ValueError, IndexError):
        return None
    place = f"{socket.gethostname()} {boot} {names}"
    return ProcessMark(hashlib.sha256(place.encode()).hexdigest()[:16], os.getpid(), begun)


def is_there(mark: ProcessMark) -> bool:
    """Tell whether a process of this machine lives; of one that can't be known, that it does."""
    try:
        os.kill(mark.pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # somebody else's, but there
        pass
    try:
        state, begun = _state_of(mark.pid)
    except (OSError, ValueError, IndexError):  # hidden, or it ends just now: the next look tells
        return True
    return state not in _ENDED and begun == mark.begun


class Neighbours:
    """Looks after the processes of this machine. For one thread."""

    def __init__(
        self,
        mark: ProcessMark | None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.mark = mark  # of this process
        self.is_beside_redis = False  # known to be: set by who is connected
        self._clock = clock
        self._next_look_at = clock()
        self._seen: set[str] = set()
        self._gone_since: dict[str, float] = {}

    def write_beat(self, loads: Iterable[ExecutorLoad]) -> str:
        """Return the text of a heartbeat that tells where this process runs."""
        return write_beat(loads, self.mark, is_beside_redis=self.is_beside_redis)

    def ended(self, beats: Mapping[str, Beat | None]) -> list[str]:
        """Return which of these instances ended here without a word."""
        now = self._clock()
        if self.mark is None or now < self._next_look_at:
            return []
        self._next_look_at = now + _LOOK_EVERY_S
        if not is_there(self.mark):  # this process was restored elsewhere: what it knows is no use
            self._seen.clear()
            return []
        marks = {name: beat.mark for name, beat in beats.items() if beat and beat.mark}
        # Of a mark that several have, one here and one on a copy of this machine, nothing is known.
        times = Counter([self.mark, *marks.values()])
        here = {
            name: mark
            for name, mark in marks.items()
            if mark.place == self.mark.place and times[mark] == 1
        }
        alive = {name for name, mark in here.items() if is_there(mark)}
        told = {name for name in here if (beat := beats[name]) and beat.is_beside_redis}
        known = self._seen | (told if self.is_beside_redis else set())
        self._seen = alive | (known & here.keys())
        self._gone_since = {name: self._gone_since.get(name, now) for name in self._seen - alive}
        return [name for name, since in self._gone_since.items() if now - since >= _GONE_S]


def _state_of(pid: int) -> tuple[bytes, int]:
    """Return a process's state and when it began, in ticks since the machine did: proc(5)."""
    text = (_PROC / str(pid) / "stat").read_bytes()
    fields = text.rpartition(b")")[2].split()  # its name, before that, may hold anything
    return fields[0], int(fields[19])
