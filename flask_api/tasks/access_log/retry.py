"""logs.retry_failed: ask again for what a web server could not answer,
and see what has become of it.

The log is streamed: lines wait in a window until the answers before them are there, so the new log
has the order of the old one, and memory is bounded by the window and by the requests,
not by the log.
"""

import tempfile
from collections import Counter, deque
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, BinaryIO

from pydantic import Field

from flask_api.jobs.tasks.context import JobContext
from flask_api.jobs.tasks.input_file import InputFile
from flask_api.jobs.tasks.task import task
from flask_api.tasks.access_log.files import LogWriter, ReadLine, is_packed, read_lines
from flask_api.tasks.access_log.lines import LogLine, parse_line
from flask_api.tasks.access_log.report import LineProblem, RetriedUrl, RetryReport, StatusCount
from flask_api.tasks.access_log.requests import Repeat, Repeater
from flask_api.tasks.web.fetching.access import GuardedClient
from flask_api.tasks.web.fetching.pool import FetchPool
from flask_api.tasks.web.items import FetchSeconds, fitting

# Lines, and bytes of them, read ahead of the oldest answer that is missing; they bound the requests
# that wait, too. A line takes some ten times its bytes.
WINDOW = 1000
WINDOW_BYTES = 4_000_000
MAX_SHOWN = 100
_PROGRESS_EVERY = 500
_FAILED = range(500, 600)

BaseUrl = Annotated[
    str,
    Field(
        max_length=500,
        pattern=r"^[Hh][Tt][Tt][Pp][Ss]?://[^\s?#]+$",
        description="what the log's paths are put behind: http(s)://host, perhaps with a path; no "
        "query",
    ),
]


@task("logs.retry_failed", executor="processes", timeout_s=4 * 3600)
def retry_failed(
    log: InputFile,
    base_url: BaseUrl,
    concurrency: Annotated[int, Field(ge=1, le=32, description="requests at once")] = 8,
    max_requests: Annotated[
        int, Field(ge=1, le=100_000, description="different requests sent at most")
    ] = 10_000,
    timeout_s: FetchSeconds = 10.0,
    *,
    job: JobContext,
) -> RetryReport:
    """Request every URL of an access log again that got a 5xx, with retry=true in its query.

    Reads the common and the combined format, also packed by gzip. Only GET and HEAD are repeated,
    since they change nothing; other methods are counted, and paths of over 8,000 characters. Each
    URL is requested once and redirects are not followed. The file ``retried.log``
    (or ``retried.log.gz``, if the log is packed or too large) is the log with the new answers in
    the place of the failed ones; a line without an answer stays as it was. Lines in neither format,
    over 32 kB long or with NUL bytes are counted and left out.
    """
    with ExitStack() as stack:
        stream = stack.enter_context(log.open())
        packed = is_packed(stream) or log.size > job.settings.job_file_max_bytes
        name = "retried.log.gz" if packed else "retried.log"
        path = (
            Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gatehouse-log-"))) / name
        )
        client = stack.enter_context(GuardedClient.of(job.settings))
        pool = stack.enter_context(FetchPool(client, job, threads=concurrency))
        repeater = Repeater(
            pool, client, base_url=base_url, timeout_s=timeout_s, max_requests=max_requests
        )
        with LogWriter(path, packed=packed, max_bytes=job.settings.job_file_max_bytes) as writer:
            run = _Run(repeater, pool, writer, job)
            run.read(stream, size=log.size)
        job.save_file(name, path)
        return run.report(name)


class _Run:
    """One log on its way to the new one."""

    def __init__(
        self, repeater: Repeater, pool: FetchPool, writer: LogWriter, job: JobContext
    ) -> None:
        self._repeater = repeater
        self._pool = pool
        self._writer = writer
        self._job = job
        self._waiting: deque[tuple[ReadLine, LogLine, Repeat | None]] = deque()
        self._waiting_bytes = 0
        self._lines = self._skipped = self._failed = 0
        self._before: Counter[int] = Counter()
        self._after: Counter[int] = Counter()
        self._problems: list[LineProblem] = []

    def read(self, stream: BinaryIO, *, size: int) -> None:
        """Take the log line by line, and write the new one."""
        for read in read_lines(stream):
            self._lines = read.number
            parsed = None if read.problem else parse_line(read.data.rstrip(b"\r\n"))
            if parsed is None:
                self._skip(
                    read.number, read.problem or "neither the common nor the combined format"
                )
            else:
                self._take(read, parsed)
            if read.number % _PROGRESS_EVERY == 0:
                self._job.progress(min(stream.tell(), size), size, message=self._words())
        self._write(keep=0, keep_bytes=0)
        self._job.progress(size, size, message=self._words())

    def report(self, file: str) -> RetryReport:
        """Return what was found, when all is read."""
        repeats = self._repeater.repeats
        statuses = sorted(self._before.keys() | self._after.keys())
        return RetryReport(
            file=file,
            lines=self._lines,
            skipped=self._skipped,
            failed=self._failed,
            requested=len(repeats),
            statuses=[
                StatusCount(status=each, before=self._before[each], after=self._after[each])
                for each in statuses
            ],
            not_repeated=dict(self._repeater.not_repeated),
            urls=fitting(map(RetriedUrl.of, repeats[:MAX_SHOWN]), self._job),
            problems=self._problems,
        )

    def _words(self) -> str:
        return f"{self._lines} lines, {self._failed} failed, {len(self._repeater.repeats)} requests"

    def _skip(self, number: int, reason: str) -> None:
        self._skipped += 1
        if len(self._problems) < MAX_SHOWN:
            self._problems.append(LineProblem(line=number, reason=reason))

    def _take(self, read: ReadLine, line: LogLine) -> None:
        self._before[line.status] += 1
        repeat = None
        if line.status in _FAILED:
            self._failed += 1
            repeat = self._repeater.repeat(line.asked, before=line.status)
        self._waiting.append((read, line, repeat))
        self._waiting_bytes += len(read.data)
        self._write(keep=WINDOW, keep_bytes=WINDOW_BYTES)

    def _write(self, *, keep: int, keep_bytes: int) -> None:
        """Write the lines whose answers are there,
        and wait for answers while more than ``keep`` lines or ``keep_bytes`` wait."""
        while self._waiting:
            read, line, repeat = self._waiting[0]
            are_few = len(self._waiting) <= keep and self._waiting_bytes <= keep_bytes
            if are_few and repeat is not None and not repeat.answer.done():
                return
            self._waiting.popleft()
            self._waiting_bytes -= len(read.data)
            self._write_one(read.data, line, repeat)

    def _write_one(self, data: bytes, line: LogLine, repeat: Repeat | None) -> None:
        answer = self._pool.wait_for(repeat.answer) if repeat else None
        if repeat and answer and not answer.error:
            line = line.repeated(
                repeat.request, at=answer.at, status=answer.status, size=answer.size
            )
            data = line.to_bytes() + data[len(data.rstrip(b"\r\n")) :]
        self._after[line.status] += 1
        self._writer.write(data)
