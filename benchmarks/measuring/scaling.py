"""Threads or processes, and how many? The same two works on 1, 2, 4 and 8 of each:
asked by ``benchmarks.pools --charts``.

Counting is ``primes.sum`` (it needs the processor all the time), waiting is ``web.page_sizes`` of a
page that takes 100 ms (it needs it hardly ever). Each is a batch of jobs, accepted, begun and ended
durably, by an engine that has just so many threads or processes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.measuring.context import Context
from benchmarks.measuring.engines import open_engine
from flask_api.jobs.engine import JobEngine
from flask_api.tasks.bar_chart import Bar, bar_chart

WORKERS = (1, 2, 4, 8)
KINDS = ("threads", "processes")
_WEB = {"web_allowed_networks": "127.0.0.0/8", "web_host_connections": 100}
_WARM_UP = 2  # jobs for each worker: children load on their first one

RunJobs = Callable[[JobEngine, str, Sequence[Mapping[str, Any]]], float]


@dataclass(frozen=True, slots=True)
class Work:
    """Something to do: its title and file name, the task of it on each kind of worker,
    and the arguments of its jobs."""

    name: str
    title: str
    tasks: Mapping[str, str]
    sets: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Row:
    """What one work did on so many workers of a kind, in jobs per second."""

    work: str
    kind: str
    workers: int
    jobs_per_s: float


def works(*, sums: int, limit: int, pages: int, port: int) -> tuple[Work, ...]:
    """Return the two works."""
    return (
        Work(
            "counting",
            f"{sums} jobs of primes.sum below {limit:,}: jobs per second",
            {"threads": "bench.sum_on_threads", "processes": "bench.sum"},
            [{"limit": limit}] * sums,
        ),
        Work(
            "waiting",
            f"{pages} jobs of web.page_sizes, a page of 100 ms each: jobs per second",
            {"threads": "bench.page_size", "processes": "bench.page_size_on_processes"},
            [{"port": port}] * pages,
        ),
    )


def measure(
    context: Context, wanted: Sequence[Work], run_jobs: RunJobs, *, rounds: int
) -> Iterator[Row]:
    """Yield a row for each work and kind and number of workers: the median of the rounds."""
    for kind in KINDS:
        for workers in WORKERS:
            changes = {f"job_{kind}": workers, "job_running_limit": workers, **_WEB}
            with open_engine(context, **changes) as engine:
                for work in wanted:
                    task = work.tasks[kind]
                    run_jobs(engine, task, list(work.sets)[: _WARM_UP * workers])
                    taken_s = median(run_jobs(engine, task, work.sets) for _ in range(rounds))
                    yield Row(work.name, kind, workers, len(work.sets) / taken_s)


def save_charts(rows: Sequence[Row], wanted: Sequence[Work], folder: Path) -> list[Path]:
    """Write a chart for each work; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    saved = []
    for work in wanted:
        bars = [
            Bar(
                label=f"{row.kind}: {row.workers}",
                value=row.jobs_per_s,
                note=f"{row.jobs_per_s:.1f}",
                is_rest=row.kind == "threads",
            )
            for row in rows
            if row.work == work.name
        ]
        path = folder / f"{work.name}.svg"
        path.write_text(bar_chart(work.title, bars), encoding="utf-8")
        saved.append(path)
    return saved


def markdown(rows: Sequence[Row], wanted: Sequence[Work]) -> str:
    """Return the figures as a table for the docs."""
    found = {(row.work, row.kind, row.workers): row.jobs_per_s for row in rows}
    head = f"| jobs per second | {' | '.join(map(str, WORKERS))} |"
    lines = [head, "|---" + "|---:" * len(WORKERS) + "|"]
    for work in wanted:
        for kind in KINDS:
            figures = " | ".join(f"{found[work.name, kind, workers]:.1f}" for workers in WORKERS)
            lines.append(f"| {work.name}, {kind} | {figures} |")
    return "\n".join(lines)
