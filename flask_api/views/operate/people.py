"""One person's work and what they keep, as they see it themselves, for an operator to look at."""

import re

from flask import Blueprint, Response, jsonify
from pydantic import BaseModel

from flask_api.gate.requirements import scope_required
from flask_api.http.batch_json import BatchRecordJson, batch_json
from flask_api.http.job_answer import listed
from flask_api.http.job_json import ListedJob
from flask_api.http.operators.access import viewer_required
from flask_api.http.operators.record import begin_deeds
from flask_api.http.state import api_state
from flask_api.jobs.errors import JobNotFound
from flask_api.jobs.operating.audit import LOOK
from flask_api.jobs.records.job import OUTCOMES, JobStatus, Owner
from flask_api.operation.describe import Answer, describe
from flask_api.views.me import KeptJson, kept_json
from shared.errors import JobStoreUnavailable

blueprint = Blueprint("operate_people", __name__, url_prefix="/operate")

_UNDER_WAY, _LAST = 20, 10
_ID = re.compile(r"[0-9A-Za-z-]{1,64}", re.ASCII)


class PersonWorkJson(BaseModel):
    """What a person has now: the newest of each kind, and what they keep."""

    id: str
    running: list[ListedJob]
    waiting: list[ListedJob]
    ended: list[ListedJob]
    batches: list[BatchRecordJson]
    usage: KeptJson


@blueprint.get("/people/<person_id>")
@viewer_required
@scope_required("jobs:read")
@describe(
    "lookAtPerson",
    answers={200: Answer("Their newest jobs, and what they keep.", PersonWorkJson)},
    problems=(JobNotFound, JobStoreUnavailable),
)
def show(person_id: str) -> Response:
    """Look at a person's work, as they see it themselves.

    Each look is in the record of operators before anything is shown. Up to 20 jobs that run and as
    many that wait, 10 that have ended, 10 batches and 20 that have not ended, the newest of each,
    found by looking at 2,000 jobs and 1,000 batches. Who is known is not: a person without jobs has
    none here, like an id that nobody has.
    """
    if not _ID.fullmatch(person_id):
        raise JobNotFound("Nobody has this id.")
    begin_deeds(LOOK, [(f"person {person_id}", person_id)])
    engine, owner = api_state().engine, Owner(id=person_id, username="")
    found = {
        name: engine.jobs.list_of(owner.id, limit=limit, statuses=statuses).jobs
        for name, statuses, limit in (
            ("running", {JobStatus.RUNNING}, _UNDER_WAY),
            ("waiting", {JobStatus.QUEUED}, _UNDER_WAY),
            ("ended", OUTCOMES, _LAST),
        )
    }
    newest, _ = engine.batches.list_of(owner.id, limit=_LAST)
    unfinished = engine.batches.under_way(owner.id, limit=_UNDER_WAY)
    batches = {each.id: each for each in (*unfinished, *newest)}
    return jsonify(
        id=person_id,
        **{name: listed(jobs) for name, jobs in found.items()},
        batches=[batch_json(batches[each]) for each in sorted(batches, reverse=True)],
        usage=kept_json(owner),
    )
