"""The tasks that the benchmarks run on our engine."""

import http.client
import threading
import time
from typing import Annotated

from pydantic import Field

from benchmarks.measuring.marks import mark
from flask_api.jobs.errors import TaskError
from flask_api.jobs.tasks.context import JobContext
from flask_api.jobs.tasks.task import task
from flask_api.tasks.primes import sum_primes_below
from flask_api.tasks.web.page_sizes import page_sizes

RELEASED = threading.Event()
FAILS = 3


@task("bench.mark")
def mark_begin(number: int) -> None:
    """Do nothing but note the time."""
    mark(number)


@task("bench.nothing")
def do_nothing(number: int) -> None:
    """Do nothing."""
    del number


@task("bench.number")
def return_number(number: int) -> int:
    """Do nothing but have a result."""
    return number


@task("bench.page_job")
def succeed_or_fail(number: int, note: str = "") -> int:
    """Do what fails once in ten times, for a list of jobs to look at."""
    del note
    if number % 10 == FAILS:
        raise TaskError("The supplier did not answer.")
    return number


@task("bench.tell")
def tell_progress(seconds: Annotated[float, Field(ge=0, le=600)], *, job: JobContext) -> None:
    """Tell five times a second when it was told."""
    steps = int(seconds * 5)
    for step in range(steps):
        job.progress(step, steps, message=f"at {time.time_ns() // 1000}")
        time.sleep(0.2)


@task("bench.sleep")
def sleep(seconds: Annotated[float, Field(ge=0, le=60)]) -> None:
    """Wait."""
    time.sleep(seconds)


@task("bench.work")
def work(milliseconds: Annotated[float, Field(ge=0, le=1000)]) -> None:
    """Use so much processor time."""
    until = time.thread_time() + milliseconds / 1000
    while time.thread_time() < until:
        pass


@task("bench.hold")
def hold() -> None:
    """Keep a slot until the process says so."""
    RELEASED.wait()


@task("bench.sum", executor="processes")
def sum_primes(limit: Annotated[int, Field(ge=0, le=200_000_000)], *, job: JobContext) -> int:
    """Add up the prime numbers below a limit: primes.sum on processes."""
    return sum_primes_below(limit, on_progress=lambda done: job.progress(done, limit))


@task("bench.sum_on_threads")
def sum_primes_on_threads(
    limit: Annotated[int, Field(ge=0, le=200_000_000)], *, job: JobContext
) -> int:
    """Add up the prime numbers below a limit: primes.sum on threads."""
    return sum_primes_below(limit, on_progress=lambda done: job.progress(done, limit))


@task("bench.page_size")
def measure_page(port: int, *, job: JobContext) -> int | None:
    """Measure a page of this machine: web.page_sizes with one URL, on threads."""
    return page_sizes([f"http://127.0.0.1:{port}/"], job=job)[0].bytes


@task("bench.page_size_on_processes", executor="processes")
def measure_page_on_processes(port: int, *, job: JobContext) -> int | None:
    """Measure a page of this machine: web.page_sizes with one URL, on processes."""
    return measure_page(port, job=job)


@task("bench.fetch")
def fetch_page(port: int) -> int:
    """Fetch a page of this machine and return its length."""
    return fetch(port)


def fetch(port: int) -> int:
    """Fetch by the standard library, which costs least: what is left is the executor's."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", "/")
        return len(connection.getresponse().read())
    finally:
        connection.close()
