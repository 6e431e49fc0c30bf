"""How far does one Redis carry a fleet, and what is full first?

    .venv/bin/python -m benchmarks.fleet_model --people 1000000 --workers 1000

Measures what each thing costs Redis' processor here, checks the sum against a fleet that really
beats, and replays a day with these costs: by the hour, what share of a core, how much memory and
how many processes it takes. The load is made up and printed; change it by the options.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from benchmarks.measuring.context import Context
from benchmarks.measuring.marks import CONTEXT_VARIABLE
from benchmarks.remote import our_workers
from deploy.redis.users import new_passwords
from deploy.redis.valkey import EmbeddedValkey
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.holdings import Holdings
from flask_api.jobs.records.job_reader import open_job_connections
from flask_api.jobs.records.roster import Roster, WorkerKind, WorkerName
from shared.contract.entries import JOBS_PREFIX
from shared.redis import RedisClient, RedisGateway, build_client
from shared.settings import ApiSettings

# The day's shape: how much of its busiest hour each hour has.
_HOURS = (5, 3, 2, 2, 3, 6, 15, 35, 70, 95, 100, 95, 80, 85, 95, 100, 90, 70, 50, 40, 35, 25, 15, 8)
_IDLE_BEATS_S, _BUSY_BEATS_S, _TICKS_S = 0.5, 1.0, 4.0
# Bytes, of docs/scale.md: a person who is here, an ended job.
_HERE_BYTES, _JOB_BYTES = 1_900, 7_700
_FULL = 0.7  # of a core: beyond it, answers begin to wait


@dataclass(frozen=True, kw_only=True)
class RedisCosts:
    """Seconds of Redis' processor for each."""

    request: float  # a session and its principal, read
    beat: float  # of a worker
    tick: float  # of a server: its beat, and its look at the others
    tick_per_server: float  # for each of the others
    look_per_worker: float  # a server's look at who works, each second
    job: float  # accepted, run and ended at a worker


@dataclass(frozen=True, kw_only=True)
class FleetLoad:
    """What there is to do in the busiest hour."""

    people: int
    here: float  # of them
    requests_s: float  # of each who is here
    jobs_h: float  # of each who is here
    job_s: float
    kept_days: float
    workers: int
    slots: int
    request_ms: float  # of a server's processor


def main() -> int:
    """Measure, check, and print the day."""
    options = _parse()
    load = FleetLoad(
        people=options.people, here=options.here, requests_s=options.requests / 60,
        jobs_h=options.jobs, job_s=options.job_seconds, kept_days=options.kept_days,
        workers=options.workers, slots=options.slots, request_ms=options.request_ms,
    )  # fmt: skip
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedValkey(Path(folder, "valkey"), passwords=new_passwords()) as valkey,
    ):
        context = Context.of(Path(folder), valkey)
        os.environ[CONTEXT_VARIABLE] = str(context.save())
        costs = _measure(context, valkey, options.samples)
        seconds = options.samples / 1000
        measured = _beat_for(valkey, load.workers, seconds)
    for name in RedisCosts.__dataclass_fields__:
        print(f"{name:<16}{getattr(costs, name) * 1e6:>8.1f} us of Redis' processor")
    modelled = load.workers * _IDLE_BEATS_S * costs.beat
    print(
        f"{load.workers} workers that only beat: {measured:.1%} of a core measured in "
        f"{seconds:.0f} s, {modelled:.1%} by the model"
    )
    _print_day(load, costs)
    return 0


def _print_day(load: FleetLoad, costs: RedisCosts) -> None:
    print(f"\n{load}\nhour   here  requests/s  jobs/s  servers  slots busy  Redis: sessions   jobs")
    for hour, share in enumerate(_HOURS):
        print(f"{hour:>4}{_hour(load, costs, share / max(_HOURS))}")
    print(_first_limit(load, costs))


def shares(load: FleetLoad, costs: RedisCosts, share: float) -> dict[str, float]:
    """Return what an hour takes, ``share`` of the busiest: of slots, and of one Redis' core."""
    here = load.people * load.here * share
    requests, jobs = here * load.requests_s, here * load.jobs_h / 3600
    servers = max(1.0, requests * load.request_ms / 1000 / _FULL)
    busy = jobs * load.job_s / (load.workers * load.slots)
    beats = load.workers * (_BUSY_BEATS_S if busy > 0.1 else _IDLE_BEATS_S) * costs.beat
    ticks = servers * _TICKS_S * (costs.tick + max(0, servers - 2) * costs.tick_per_server)
    looks = servers * load.workers * costs.look_per_worker
    return {
        "here": here,
        "requests": requests,
        "jobs": jobs,
        "servers": servers,
        "slots": busy,
        "sessions_redis": requests * costs.request,
        "jobs_redis": jobs * costs.job + beats + ticks + looks,
        "beats, ticks and looks": beats + ticks + looks,
    }


def _hour(load: FleetLoad, costs: RedisCosts, share: float) -> str:
    at = shares(load, costs, share)
    return (
        f"{at['here']:>9,.0f}{at['requests']:>10,.0f}{at['jobs']:>9,.1f}{at['servers']:>8,.0f}"
        f"{at['slots']:>11.0%}{at['sessions_redis']:>16.0%}{at['jobs_redis']:>9.0%}"
    )


def _first_limit(load: FleetLoad, costs: RedisCosts) -> str:
    at = shares(load, costs, 1.0)
    mean = sum(_HOURS) / max(_HOURS) / 24
    kept = at["jobs"] * mean * 86_400 * load.kept_days * _JOB_BYTES
    limits = {
        "the workers' slots: start more workers": at["slots"],
        "a core of the sessions' Redis": at["sessions_redis"] / _FULL,
        "a core of the jobs' Redis: fewer, larger jobs, or a second installation": (
            at["jobs_redis"] / _FULL
        ),
        "64 GB for ended jobs: keep them for less long": kept / 64e9,
    }
    name, share = max(limits.items(), key=lambda limit: limit[1])
    return (
        f"ended jobs keep {kept / 1e9:,.1f} GB, people {at['here'] * _HERE_BYTES / 1e9:,.2f} GB; "
        f"beats, ticks and looks take {at['beats, ticks and looks']:.0%} of a core\n"
        f"first limit, at {1 / share:,.1f} times this load: {name}"
    )


def _measure(context: Context, valkey: EmbeddedValkey, samples: int) -> RedisCosts:
    with _stores(valkey) as (store, admin):
        names, kind = _workers(store, 200)
        roster = Roster(store)
        entries = [f"{JOBS_PREFIX}probe:{number}" for number in range(2)]
        for entry in entries:
            store.write(lambda client, entry=entry: client.set(entry, "x" * 650))  # type: ignore[misc]
        request = _cost(admin, samples, lambda _: store.get_all(entries))
        beat = _cost(admin, samples, lambda at: roster.beat(names[at % 200], kind, free=()))
        look = _cost(admin, samples // 10 + 1, lambda _: roster.live(60)) / len(names)
        few, many = (_tick_cost(store, admin, others, samples // 4 + 1) for others in (2, 50))
        admin.flushall()
        jobs = max(10, samples // 4)
        with our_workers(context, valkey, "rq") as run:
            run(10)
            before, begun = _processor_s(admin), time.monotonic()
            run(jobs)
            used, took_s = _processor_s(admin) - before, time.monotonic() - begun
    # What beats and looks meanwhile is counted where it belongs.
    job = max(0.0, used - took_s * (_TICKS_S * few + _BUSY_BEATS_S * beat)) / jobs
    return RedisCosts(
        request=request, beat=beat, tick=few, tick_per_server=max(0.0, (many - few) / 48),
        look_per_worker=look, job=job,
    )  # fmt: skip


def _tick_cost(store: RedisGateway, admin: RedisClient, servers: int, count: int) -> float:
    holdings, roster = Holdings(store), Roster(store)
    instances = [f"model-{number}" for number in range(servers)]
    for each in instances:
        holdings.beat(each, ttl_s=60, register=True)

    def tick(_: int) -> None:
        holdings.beat(instances[0], ttl_s=60)
        store.read(lambda client: client.smembers(keyspace.INSTANCES))
        holdings.look_at(instances[1:])
        roster.silent(60)
        holdings.claim(instances[0], limit=1)

    return _cost(admin, count, tick)


def _cost(admin: RedisClient, count: int, action: Callable[[int], object]) -> float:
    """Return what an action costs Redis' processor, in seconds."""
    before = _processor_s(admin)
    for number in range(count):
        action(number)
    return (_processor_s(admin) - before) / count


def _beat_for(valkey: EmbeddedValkey, workers: int, seconds: float) -> float:
    """Have so many workers beat as idle ones do; return the share of a core that Redis used, less
    what it uses by itself."""
    with _stores(valkey) as (store, admin):
        names, kind = _workers(store, workers)
        roster = Roster(store)
        before, began = _processor_s(admin), time.monotonic()
        time.sleep(min(1.0, seconds))
        idle = (_processor_s(admin) - before) / (time.monotonic() - began)
        before, began = _processor_s(admin), time.monotonic()
        sent = 0
        while (passed := time.monotonic() - began) < seconds:
            while sent < passed * workers * _IDLE_BEATS_S:
                roster.beat(names[sent % workers], kind, free=())
                sent += 1
            time.sleep(0.001)
        return (_processor_s(admin) - before) / (time.monotonic() - began) - idle


def _workers(store: RedisGateway, count: int) -> tuple[list[WorkerName], WorkerKind]:
    kind = WorkerKind("rq", frozenset({"bench.number"}))
    names = [WorkerName.new(kind, 4) for _ in range(count)]
    for name in names:
        Roster(store).beat(name, kind, free=name.all_slots, register=True)
    return names, kind


@contextmanager
def _stores(valkey: EmbeddedValkey) -> Iterator[tuple[RedisGateway, RedisClient]]:
    secret = (SecretStr("s" * 40),)
    settings = ApiSettings(
        session_secrets=secret, jobs_redis_url=SecretStr(valkey.url("api")), redis_timeout_ms=250
    )
    store = open_job_connections(settings)
    admin = build_client(valkey.url("admin"), timeout_s=5, max_connections=2)
    yield store, admin
    store.close()
    admin.connection_pool.disconnect()


def _processor_s(admin: RedisClient) -> float:
    used = admin.info("cpu")
    return float(used["used_cpu_user"]) + float(used["used_cpu_sys"])


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fleet_model", description=(__doc__ or "").split("\n\n")[0]
    )
    for name, kind, default, words in (
        ("people", int, 1_000_000, "who ever signed up"),
        ("workers", int, 1000, "machines with a worker"),
        ("slots", int, 4, "attempts at once on each"),
        ("here", float, 0.05, "share of the people who are logged in, in the busiest hour"),
        ("requests", float, 1.0, "requests a minute of each of them"),
        ("jobs", float, 2.0, "jobs an hour of each of them"),
        ("job-seconds", float, 60.0, "how long a job runs"),
        ("kept-days", float, 7.0, "how long an ended job is kept"),
        ("request-ms", float, 1.5, "processor time of a server for one request"),
        ("samples", int, 5000, "how often each cost is measured"),
    ):
        parser.add_argument(f"--{name}", type=kind, default=default, help=f"{words} ({default})")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
