"""Where a process reads the rows of jobs: few at a time,
from the file itself or a copy of one that is stored elsewhere."""

import shutil
import tempfile
import threading
import time
import weakref
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from io import FileIO
from pathlib import Path
from typing import Any, BinaryIO, cast

from flask_api.jobs.engine import JobEngine
from flask_api.jobs.errors import RowsBusy
from flask_api.jobs.records.job import Job
from flask_api.tasks.tables.kept.choice import RowChoice
from flask_api.tasks.tables.kept.copies import CopyFormat, copy_rows
from flask_api.tasks.tables.kept.listed import ListFormat, write_list
from flask_api.tasks.tables.kept.page import ROWS_FILE, RowsPage, read_page

# Each may take 128 MB and some threads of the server wait here meanwhile: both must not add up.
READERS = 4
WAIT_S = 5.0
# A fetch takes as long as the storage wants, and no memory: it has places of its own,
# of which the jobs of one owner get no more than half.
FETCHES = 4
FETCHES_OWNER = FETCHES // 2
# What looks at a whole table may take a core for seconds: so many at once, one for each person,
# and behind it one of the same person, who searches as they type. More would only hold threads.
LONG_READERS = 2
WAITING = 8
COPIES = 8
# A written copy stays on the disk for as long as its client takes to read it.
SENT = 16
SENT_PERSON = 2
_COPY, _LEFT_S = "gatehouse-copy-", 3600
LOOK_EVERY_S = 600  # for copies that were left
_BUSY = "Too many tables are being read just now; try again shortly."


class RowReader:
    """Gives pages of jobs' rows. Thread-safe; making one opens nothing.
    Copies go with the process, the oldest before that."""

    def __init__(self, engine: JobEngine) -> None:
        self._engine = engine
        self._places = threading.BoundedSemaphore(READERS)
        self._turns = threading.Condition()
        self._long: set[str] = set()
        self._waiting: set[str] = set()
        self._sent: Counter[str] = Counter()
        self._look_at = 0.0
        self._lock = threading.Lock()
        self._copies: OrderedDict[str, Path] = OrderedDict()
        self._in_use: Counter[str] = Counter()
        self._fetching: dict[str, threading.Lock] = {}
        self._fetch_places = threading.Condition()
        self._fetches: Counter[str] = Counter()
        self._folder: Path | None = None

    def read(self, job: Job, *, first: int, size: int, choice: RowChoice, person: str) -> RowsPage:
        """Return a page of the job's rows for a person; see read_page.
        Raises RowsBusy, and JobNotFound when the file is gone."""
        turn = nullcontext() if choice.is_all else self._turn(person)
        with self._local(job) as path, turn, self._place():
            return read_page(path, first=first, size=size, choice=choice)

    def copy(self, job: Job, form: CopyFormat, *, person: str, most_bytes: int) -> BinaryIO:
        """Return the job's rows as an open file of another format, which nothing is left of when it
        is closed; see copy_rows. Raises as ``read``."""
        with self._local(job) as path, self._turn(person), self._place():
            return self._opened(
                lambda target: copy_rows(path, target, form, most_bytes=most_bytes), person
            )

    def write(self, items: list[Any], form: ListFormat, *, person: str) -> BinaryIO:
        """Return a list of a result as such a file; see write_list. Raises RowsBusy."""
        with self._turn(person), self._place():
            return self._opened(lambda target: write_list(items, target, form), person)

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._places.acquire(timeout=WAIT_S):
            raise RowsBusy(_BUSY)
        try:
            yield
        finally:
            self._places.release()

    @contextmanager
    def _turn(self, person: str) -> Iterator[None]:
        """Wait for one's turn at what takes long, if not too many do."""

        def is_free() -> bool:
            return person not in self._long and len(self._long) < LONG_READERS

        with self._turns:
            if not is_free():
                self._wait_for(is_free, person)
            self._long.add(person)
        try:
            yield
        finally:
            with self._turns:
                self._long.discard(person)
                self._turns.notify_all()

    def _wait_for(self, is_free: Callable[[], bool], person: str) -> None:
        if person in self._waiting or len(self._waiting) >= WAITING:
            raise RowsBusy(_BUSY)
        self._waiting.add(person)
        try:
            if not self._turns.wait_for(is_free, timeout=WAIT_S):
                raise RowsBusy(_BUSY)
        finally:
            self._waiting.discard(person)

    def _opened(self, write: Callable[[Path], None], person: str) -> BinaryIO:
        """Have a file written, and open it. Its name is gone by then: it ends as it is closed.
        Raises RowsBusy while as many are read as may be."""
        with self._turns:
            if self._sent[person] >= SENT_PERSON or self._sent.total() >= SENT:
                raise RowsBusy(_BUSY)
            self._sent[person] += 1
        with ExitStack() as failing:
            failing.callback(self._note_closed, person)
            self._remove_left_copies()
            with tempfile.TemporaryDirectory(prefix=_COPY) as folder:
                target = Path(folder) / "copy"
                write(target)
                opened = failing.enter_context(_Copy(target))
            failing.pop_all()
        opened.when_closed(lambda: self._note_closed(person))  # it counts down itself from here on
        return cast("BinaryIO", opened)

    def _remove_left_copies(self) -> None:
        """Look for them now and then: the folder of temporary files may be long."""
        now = time.monotonic()
        with self._turns:
            is_time = now >= self._look_at
            if is_time:
                self._look_at = now + LOOK_EVERY_S
        if is_time:
            _remove_left_copies()

    def _note_closed(self, person: str) -> None:
        with self._turns:
            self._sent[person] -= 1
            self._sent += Counter()  # forgets who reads none

    @contextmanager
    def _local(self, job: Job) -> Iterator[Path]:
        """Give the file's path on this machine; what it leads to stays until the ``with`` ends.
        Enter it before a turn or a reader's place: nobody is to hold one while they fetch."""
        path = self._engine.job_files.find_path(job.id, ROWS_FILE)
        if path is not None:
            # raises JobNotFound when it is not there
            self._engine.open_file(job, ROWS_FILE).close()
            yield path
            return
        with self._lock:
            self._in_use[job.id] += 1  # it is not dropped from here on
            fetching = self._fetching.setdefault(job.id, threading.Lock())
        try:
            yield self._copied(job, fetching)
        finally:
            with self._lock:
                self._in_use[job.id] -= 1
                if not self._in_use[job.id]:
                    del self._in_use[job.id], self._fetching[job.id]
                    self._drop_oldest()

    def _copied(self, job: Job, fetching: threading.Lock) -> Path:
        """Return the job's copy: one reader fetches it, the job's others then find it, and readers
        of other jobs wait for none of them."""
        if not fetching.acquire(timeout=WAIT_S):
            raise RowsBusy(_BUSY)
        try:
            with self._lock:
                found = self._copies.get(job.id)
            if found:
                copy = found
            else:
                with self._fetch_place(job.owner.id):
                    copy = self._fetch(job)
            with self._lock:
                self._copies[job.id] = copy
                self._copies.move_to_end(job.id)
                self._drop_oldest()
            return copy
        finally:
            fetching.release()

    @contextmanager
    def _fetch_place(self, owner: str) -> Iterator[None]:
        def is_free() -> bool:
            return self._fetches.total() < FETCHES and self._fetches[owner] < FETCHES_OWNER

        with self._fetch_places:
            if not self._fetch_places.wait_for(is_free, timeout=WAIT_S):
                raise RowsBusy(_BUSY)
            self._fetches[owner] += 1
        try:
            yield
        finally:
            with self._fetch_places:
                self._fetches[owner] -= 1
                self._fetches += Counter()  # forgets who fetches none
                self._fetch_places.notify_all()

    def _fetch(self, job: Job) -> Path:
        with self._lock:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="gatehouse-rows-"))
                weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
            copy = self._folder / job.id
        with self._engine.open_file(job, ROWS_FILE) as source, copy.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
        return copy

    def _drop_oldest(self) -> None:
        """Keep to the limit, but for copies in use: those go when their last reader has gone."""
        unused = [job_id for job_id in self._copies if not self._in_use[job_id]]
        for job_id in unused[: max(0, len(self._copies) - COPIES)]:
            self._copies.pop(job_id).unlink(missing_ok=True)


def _remove_left_copies() -> None:
    """Remove what processes left that were killed while they wrote: it has no owner any more."""
    for left in Path(tempfile.gettempdir()).glob(f"{_COPY}*"):
        with suppress(FileNotFoundError):  # another one was quicker
            if time.time() - left.stat().st_mtime > _LEFT_S:
                shutil.rmtree(left, ignore_errors=True)


class _Copy(FileIO):
    """An open file that says when it is closed."""

    _note_closed: Callable[[], None] | None = None

    def when_closed(self, note_closed: Callable[[], None]) -> None:
        """Have this called once it is closed."""
        self._note_closed = note_closed

    def close(self) -> None:
        """Close it; idempotent, and the last reference's end does it too."""
        note_closed, self._note_closed = self._note_closed, None
        super().close()
        if note_closed is not None:
            note_closed()
