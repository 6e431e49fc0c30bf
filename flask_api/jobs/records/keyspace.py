"""The names of the engine's entries in Redis.
All begin with ``gatehouse:jobs:``, which the API's user may write.

record:<job>       hash    the job (flask_api.jobs.records.job), who holds it, its attempt
log:<job>          list    its last log lines
owner:<user>       zset    the person's jobs, newest last (ids sort by time)
open:<user>        set     the person's unfinished jobs, for limits
events:<user>      stream  what happened to the person's jobs, bounded
doorbell:<reader>  stream  ends a reader's wait for events (flask_api.jobs.records.events)
idempotency:<user>:<sha256 of the key>   string  '<sha256 of the body> <job or batch>', 24 hours
batch:<batch>      hash    a batch and how many of its jobs are in which state
members:<batch>    list    its jobs in the order of submission
ended:<batch>      list    its ended jobs in the order they ended
instances          set     the server processes that take part
heartbeat:<inst>   string  there while the process lives: how busy it is (.beats)
held:<inst>        set     the unfinished jobs of the process: being in it is every write's fence
cancels:<inst>     set     running jobs of the process whose cancel was asked for
running:<task>     set     the running jobs of a task that has a limit of them, of all processes
turns:<task>       zset    the processes that wait to begin one of it, by the time they first asked
audit              stream  what operators do, and what came of it (flask_api.jobs.operating.audit)
audit-outcomes     hash
looks              stream  what operators looked at, as audit; looks-outcomes as audit-outcomes
looks-outcomes     hash
paused             hash    tasks and executors of which nothing begins (.pauses)
delayed            zset    jobs that wait for their time, by seconds since 1970
orphans            set     jobs that a stopping process handed over
hour:<hours since 1970>  hash  what ended in it, by task (flask_api.jobs.history.hours)
expiring           zset    ended jobs, and 'batch:<batch>', by the time they are forgotten
kept:<user>        hash    what the person keeps (flask_api.jobs.records.usage): bytes, ended jobs,
                           bytes of their files
batches:<user>     zset    the person's batches, newest last
stubs:<user>       list    forgotten jobs and batches of which a stub stays a while, oldest first
staged             zset    batches whose records go unless they are accepted, by the time they were
                           staged; deleted ones too
share:<sha256 of its token>  string  what is shared of a job, with whom (flask_api.jobs.sharing)
shares:<user>      zset    the person's shares, '<job>:<share>', by when they end
onlookers:<job>    zset    who looks on at a shared job, by when they last did
upload:<file>      hash    an uploaded file (flask_api.jobs.files.uploads)
uploads:<user>     hash    the person's uploads and how many bytes each has, or may have while it
                           is being received
holders:<file>     set     'job:<job>' and 'batch:<batch>' that may still need the file
departures-seen    hash    how far each round of departures got (flask_api.jobs.deleted_owners)
expiring-uploads   zset    uploads by the time they are forgotten, those being received too
workers            zset    workers on other machines by their last beat (.roster); each holds jobs
                           as an instance does
kind:<kind>        string  what workers of one kind can run
idle:<kind>        zset    their free slots, by the time each became free
sent:<worker>      list    attempts on their way to a worker: its carrier's own
notices:<inst>     zset    what workers tell the process that sent them an attempt: it ended
"""

import hashlib
from collections.abc import Iterable

from flask_api.jobs.records.job import QueuedJob
from shared.contract.entries import JOBS_PREFIX

INSTANCES = f"{JOBS_PREFIX}instances"
AUDIT = f"{JOBS_PREFIX}audit"
AUDIT_OUTCOMES = f"{JOBS_PREFIX}audit-outcomes"
LOOKS = f"{JOBS_PREFIX}looks"
LOOKS_OUTCOMES = f"{JOBS_PREFIX}looks-outcomes"
PAUSED = f"{JOBS_PREFIX}paused"
DELAYED = f"{JOBS_PREFIX}delayed"
ORPHANS = f"{JOBS_PREFIX}orphans"
EXPIRING = f"{JOBS_PREFIX}expiring"
STAGED = f"{JOBS_PREFIX}staged"
EXPIRING_UPLOADS = f"{JOBS_PREFIX}expiring-uploads"
WORKERS = f"{JOBS_PREFIX}workers"
SWEEP_TURN = f"{JOBS_PREFIX}sweep-turn"
DEPARTURES_TURN = f"{JOBS_PREFIX}departures-turn"
DEPARTURES_SEEN = f"{JOBS_PREFIX}departures-seen"


def record(job_id: str) -> str:
    """Name the hash of a job."""
    return f"{JOBS_PREFIX}record:{job_id}"


def log(job_id: str) -> str:
    """Name the list of a job's log lines."""
    return f"{JOBS_PREFIX}log:{job_id}"


def owner(user_id: str) -> str:
    """Name the sorted set of a person's jobs."""
    return f"{JOBS_PREFIX}owner:{user_id}"


def opened(user_id: str) -> str:
    """Name the set of a person's unfinished jobs."""
    return f"{JOBS_PREFIX}open:{user_id}"


def events(user_id: str) -> str:
    """Name the stream of a person's events."""
    return f"{JOBS_PREFIX}events:{user_id}"


def doorbell(reader: str) -> str:
    """Name the stream that ends a reader's wait for events."""
    return f"{JOBS_PREFIX}doorbell:{reader}"


def idempotency(user_id: str, key: str | None) -> str:
    """Name the entry of a person's Idempotency-Key. Without one, another entry of theirs: none is
    looked up, but a script's keys are of a fixed number."""
    if key is None:
        return events(user_id)
    return f"{JOBS_PREFIX}idempotency:{user_id}:{hashlib.sha256(key.encode()).hexdigest()}"


def kept(user_id: str) -> str:
    """Name the hash of what a person keeps."""
    return f"{JOBS_PREFIX}kept:{user_id}"


def hour(number: int) -> str:
    """Name the hash of an hour, counted since 1970."""
    return f"{JOBS_PREFIX}hour:{number}"


def batches(user_id: str) -> str:
    """Name the sorted set of a person's batches."""
    return f"{JOBS_PREFIX}batches:{user_id}"


def stubs(user_id: str) -> str:
    """Name the list of a person's forgotten jobs."""
    return f"{JOBS_PREFIX}stubs:{user_id}"


def batch(batch_id: str) -> str:
    """Name the hash of a batch."""
    return f"{JOBS_PREFIX}batch:{batch_id}"


def members(batch_id: str) -> str:
    """Name the list of a batch's jobs."""
    return f"{JOBS_PREFIX}members:{batch_id}"


def ended(batch_id: str) -> str:
    """Name the list of a batch's ended jobs."""
    return f"{JOBS_PREFIX}ended:{batch_id}"


def share(share_id: str) -> str:
    """Name the entry of a share."""
    return f"{JOBS_PREFIX}share:{share_id}"


def shares(user_id: str) -> str:
    """Name the sorted set of a person's shares."""
    return f"{JOBS_PREFIX}shares:{user_id}"


def onlookers(job_id: str) -> str:
    """Name the sorted set of who looks on at a shared job."""
    return f"{JOBS_PREFIX}onlookers:{job_id}"


def upload(file_id: str) -> str:
    """Name the hash of an uploaded file."""
    return f"{JOBS_PREFIX}upload:{file_id}"


def uploads(user_id: str) -> str:
    """Name the hash of a person's uploads and their sizes."""
    return f"{JOBS_PREFIX}uploads:{user_id}"


def holders(file_id: str) -> str:
    """Name the set of what may still need an uploaded file."""
    return f"{JOBS_PREFIX}holders:{file_id}"


def heartbeat(instance: str) -> str:
    """Name the entry that is there while a process lives."""
    return f"{JOBS_PREFIX}heartbeat:{instance}"


def held(instance: str) -> str:
    """Name the set of a process's unfinished jobs."""
    return f"{JOBS_PREFIX}held:{instance}"


def cancels(instance: str) -> str:
    """Name the set of a process's jobs that should be cancelled."""
    return f"{JOBS_PREFIX}cancels:{instance}"


def running(task: str) -> str:
    """Name the set of a task's running jobs: of a task that has a limit of them."""
    return f"{JOBS_PREFIX}running:{task}"


def turns(task: str) -> str:
    """Name the sorted set of the processes that wait to begin a job of a task."""
    return f"{JOBS_PREFIX}turns:{task}"


def kind(kind_id: str) -> str:
    """Name the entry that says what workers of a kind can run."""
    return f"{JOBS_PREFIX}kind:{kind_id}"


def idle(kind_id: str) -> str:
    """Name the sorted set of free slots of workers of a kind."""
    return f"{JOBS_PREFIX}idle:{kind_id}"


def sent(worker: str) -> str:
    """Name the list of attempts on their way to a worker."""
    return f"{JOBS_PREFIX}sent:{worker}"


def notices(instance: str) -> str:
    """Name the sorted set of what workers tell a process."""
    return f"{JOBS_PREFIX}notices:{instance}"


def of_submit(job_id: str, user_id: str, key: str | None) -> tuple[str, ...]:
    """Name what submit.lua touches for each job, in the order of its KEYS."""
    return (
        record(job_id),
        owner(user_id),
        opened(user_id),
        idempotency(user_id, key),
        events(user_id),
        kept(user_id),
    )


def of_turn(instance: str, over: QueuedJob, begun: QueuedJob, job_ids: Iterable[str]) -> list[str]:
    """Name what turn.lua touches, in the order of its KEYS. Those that end are of the person, task
    and batch of one of them, and so are those that begin; ``job_ids`` are all of them."""
    return [
        held(instance),
        DELAYED,
        EXPIRING,
        cancels(instance),
        *_of_both(over),
        *_of_both(begun),
        kept(over.owner_id),
        kept(begun.owner_id),
        running(over.task),
        running(begun.task),
        turns(begun.task),
        *map(record, job_ids),
    ]


def _of_both(job: QueuedJob) -> tuple[str, ...]:
    return opened(job.owner_id), events(job.owner_id), batch(job.batch), ended(job.batch)
