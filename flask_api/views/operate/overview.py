"""For operators: what runs where, everybody's jobs, pause and resume, and the record of what was
done. For staff with the permission; a key needs a scope of its own."""

from collections import defaultdict
from dataclasses import asdict
from typing import Annotated, Any

from flask import Blueprint, Response, jsonify
from pydantic import AwareDatetime, BaseModel, Field

from flask_api.http.operators.access import viewer_required
from flask_api.http.state import api_state
from flask_api.jobs.operating.overview import LiveInstance, LiveWorker, Overview
from flask_api.jobs.records.beats import ExecutorLoad
from flask_api.jobs.records.job import format_time
from flask_api.operation.describe import Answer, describe
from flask_api.operation.shapes import Id
from flask_api.views.operate.pauses import PauseJson, pauses_json
from shared.errors import JobStoreUnavailable

blueprint = Blueprint("operate", __name__, url_prefix="/operate")
PLACE_IN_DOCS = 80


class LoadJson(BaseModel):
    """How busy an executor of one process is."""

    executor: str
    waiting: int
    paused: Annotated[int, Field(description="of those that wait: their task is paused")]
    running: int
    slots: int


class InstanceJson(BaseModel):
    """A server process."""

    name: str
    beat_age_s: Annotated[float | None, Field(description="null: its heartbeat is gone")]
    held: Annotated[int, Field(description="unfinished jobs that it holds")]
    executors: list[LoadJson]


class WorkerJson(BaseModel):
    """A worker on another machine."""

    name: str
    beat_age_s: float
    running: int
    slots: int
    carrier: str
    labels: list[str]
    tasks: Annotated[list[str], Field(description="what it can run")]
    differing: Annotated[
        list[str],
        Field(description="of these, those it would be sent: other arguments or version than here"),
    ]


class FleetJson(BaseModel):
    """How it stands with the workers elsewhere of an executor, as the process that answers sees
    it."""

    executor: str
    workers: Annotated[int, Field(description="that are alive")]
    slots: int
    unserved: Annotated[
        list[str], Field(description="tasks that none of them runs as they are here")
    ]
    differing: Annotated[
        list[str],
        Field(description="tasks with other arguments or another version at some of them"),
    ]
    strangers: Annotated[
        int, Field(description="workers of another version of Gatehouse: nothing is sent to them")
    ]
    elsewhere: Annotated[
        int, Field(description="workers that listen to another broker: nothing is sent to them")
    ]
    other_secrets: Annotated[
        int,
        Field(description="workers with another GATEHOUSE_WORKER_SECRETS: nothing is sent to them"),
    ]
    broker_away: Annotated[
        bool, Field(description="what carries attempts can't be reached: nothing is sent")
    ]
    broker_refuses: Annotated[
        bool, Field(description="it is there, and refuses this server: its setting is wrong")
    ]
    is_none: Annotated[
        bool, Field(description="the function that GATEHOUSE_EXECUTORS names returned no executor")
    ]


class OldestJson(BaseModel):
    """The job that waits longest."""

    id: Id
    task: str
    submitted_at: AwareDatetime


class QueueJson(BaseModel):
    """What waits for an executor, in all processes together."""

    executor: str
    waiting: int
    paused: int
    running: int
    oldest: Annotated[
        OldestJson | None, Field(description="null: none of the 1,000 oldest jobs waits for it")
    ]


class TaskPlace(BaseModel):
    """A task that the process which answers has, and its executor there."""

    name: str
    executor: str


class OverviewJson(BaseModel):
    """All at one moment."""

    instances: list[InstanceJson]
    workers: list[WorkerJson]
    fleets: Annotated[list[FleetJson], Field(description="of executors that use such workers")]
    queues: list[QueueJson]
    unfinished: Annotated[int, Field(description="jobs that have not ended, of all people")]
    delayed: Annotated[int, Field(description="of these: wait for their time or a retry")]
    handed_over: Annotated[int, Field(description="of these: wait for a process to take them")]
    pauses: list[PauseJson]
    tasks: list[TaskPlace]


@blueprint.get("/overview")
@viewer_required
@describe(
    "getOverview",
    answers={200: Answer("All at one moment.", OverviewJson)},
    problems=(JobStoreUnavailable,),
)
def show() -> Response:
    """See what runs where.

    Server processes and workers with their last heartbeats, queues with their lengths and the job
    that waits longest, and what is paused. How busy a process is, is as of its last beat.
    """
    engine, seen = api_state().engine, api_state().operators.overview()
    return jsonify(
        instances=[_instance(each) for each in seen.instances],
        workers=[_worker(each) for each in seen.workers],
        fleets=[asdict(each) for each in engine.fleets()],
        queues=_queues(seen),
        unfinished=seen.unfinished.total,
        delayed=seen.unfinished.delayed,
        handed_over=seen.unfinished.handed_over,
        pauses=pauses_json(seen.pauses),
        tasks=[
            {"name": task.name, "executor": engine.executor_of(task.name)}
            for task in engine.registry
        ],
    )


def _instance(instance: LiveInstance) -> dict[str, Any]:
    age = instance.beat_age_s
    return {
        "name": instance.name,
        "beat_age_s": None if age is None else round(age, 2),
        "held": instance.held,
        "executors": [_load(each) for each in instance.loads],
    }


def _load(load: ExecutorLoad) -> dict[str, Any]:
    return {
        "executor": load.executor,
        "waiting": load.waiting,
        "paused": load.paused,
        "running": load.running,
        "slots": load.slots,
    }


def _worker(worker: LiveWorker) -> dict[str, Any]:
    return {
        "name": worker.name,
        "beat_age_s": round(worker.beat_age_s, 2),
        "running": worker.running,
        "slots": worker.slots,
        "carrier": worker.carrier,
        "labels": list(worker.labels),
        "tasks": list(worker.tasks),
        "differing": list(worker.differing),
    }


def _queues(seen: Overview) -> list[dict[str, Any]]:
    loads: dict[str, list[ExecutorLoad]] = defaultdict(list)
    for instance in seen.instances:
        for load in instance.loads:
            loads[load.executor].append(load)
    return [
        {
            "executor": executor,
            "waiting": sum(load.waiting for load in loads[executor]),
            "paused": sum(load.paused for load in loads[executor]),
            "running": sum(load.running for load in loads[executor]),
            "oldest": _oldest(seen, executor),
        }
        for executor in sorted(loads)
    ]


def _oldest(seen: Overview, executor: str) -> dict[str, str] | None:
    job = seen.oldest.get(executor)
    if job is None:
        return None
    return {"id": job.id, "task": job.task, "submitted_at": format_time(job.submitted_at)}
