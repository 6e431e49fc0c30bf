"""To which files one turns who follows through the source what happens: at each call of a function
that is in another one."""

import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from types import FrameType

_ROOT = Path(__file__).parents[1]


class Trail:
    """The calls in some folders of the source, in the threads that it follows."""

    def __init__(self, *folders: str) -> None:
        self._folders = tuple(f"{_ROOT / folder}/" for folder in folders)
        self._files: defaultdict[int, list[str]] = defaultdict(list)
        self._is_noting = False

    @contextmanager
    def follow_new_threads(self) -> Iterator[None]:
        """Follow threads that are started meanwhile, too, for as long as they live."""
        threading.setprofile(self._note)
        try:
            yield
        finally:
            threading.setprofile(None)

    @contextmanager
    def note(self) -> Iterator[None]:
        """Note what is called in this block, in those threads and, until :meth:`leave`, here."""
        self._files.clear()
        self._is_noting = True
        sys.setprofile(self._note)
        try:
            yield
        finally:
            sys.setprofile(None)
            self._is_noting = False

    def leave(self) -> None:
        """Note no more of this thread."""
        sys.setprofile(None)

    @property
    def moves(self) -> int:
        """How often one turns to another file."""
        return sum(one != other for files in self._files.values() for one, other in pairwise(files))

    @property
    def files(self) -> frozenset[str]:
        """All files that one turns to."""
        return frozenset(file for files in self._files.values() for file in files)

    def _note(self, frame: FrameType, event: str, _argument: object) -> None:
        file = frame.f_code.co_filename
        if event == "call" and self._is_noting and file.startswith(self._folders):
            self._files[threading.get_ident()].append(file)
