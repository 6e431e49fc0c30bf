"""Pause a task or an executor, and resume it."""

from typing import Annotated, Any, Literal

from flask import Blueprint, Response, jsonify
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from flask_api.gate.extension import current_principal
from flask_api.http.job_requests import check_body
from flask_api.http.json_body import UnsupportedMediaType, read_json_object
from flask_api.http.operators.access import operator_required
from flask_api.http.operators.record import begin_deeds, end_deeds
from flask_api.http.state import api_state
from flask_api.jobs.errors import ArgumentProblem, InvalidArguments
from flask_api.jobs.records.job import format_time
from flask_api.jobs.records.pauses import LONGEST_NOTE, WorkPause, WorkPauses
from flask_api.operation.describe import JSON, Answer, describe
from shared.clock import JOBS_CLOCK
from shared.errors import JobStoreUnavailable, RequestError

blueprint = Blueprint("operate_pauses", __name__, url_prefix="/operate")

_NAME = Annotated[str, Field(min_length=1, max_length=200, description="of the task or executor")]


class PauseJson(BaseModel):
    """What is paused."""

    what: Literal["task", "executor"]
    name: str
    by: Annotated[str, Field(description="an operator's name")]
    since: AwareDatetime | None
    note: Annotated[str, Field(description="what everybody whose jobs wait can read")]
    is_known: Annotated[bool, Field(description="whether the process that answers has it")]


class PausesJson(BaseModel):
    """All that is paused."""

    pauses: list[PauseJson]
    changed: Annotated[bool, Field(description="false: it was so already")]


class ResumeRequest(BaseModel):
    """What to resume."""

    model_config = ConfigDict(extra="forbid", strict=True)

    what: Literal["task", "executor"]
    name: _NAME


class PauseRequest(ResumeRequest):
    """What to pause, and what to say to everybody whose jobs wait."""

    note: str = Field("", max_length=LONGEST_NOTE)


_PROBLEMS = (InvalidArguments, RequestError, UnsupportedMediaType, JobStoreUnavailable)


@blueprint.post("/pause")
@operator_required
@describe(
    "pauseWork",
    body={JSON: PauseRequest},
    answers={200: Answer("Nothing of it begins any more.", PausesJson)},
    problems=_PROBLEMS,
)
def pause() -> Response:
    """Pause a task or an executor.

    Within two seconds nothing of it begins, in any process and on any worker. What runs goes on,
    jobs are taken as before, and those that wait say why. A pause lasts until it is resumed, also
    over restarts. One that is there already stays as it is.
    """
    wanted = check_body(PauseRequest, read_json_object(), "The body does not say what to pause.")
    if not _is_known(wanted.what, wanted.name):
        detail = f"There is no such {wanted.what}."
        problems = [ArgumentProblem(pointer="/name", detail=detail)]
        raise InvalidArguments("The body does not say what to pause.", problems=problems)
    since = format_time(JOBS_CLOCK.moment())
    paused = WorkPause(by=current_principal().username, since=since, note=wanted.note)
    (deed,) = begin_deeds("pause", [(f"{wanted.what} {wanted.name}", "")], note=wanted.note)
    changed = api_state().operators.pauses.pause(wanted.what, wanted.name, paused)
    end_deeds({deed: "done" if changed else "refused: it was paused already"})
    return _answer(changed=changed)


@blueprint.post("/resume")
@operator_required
@describe(
    "resumeWork",
    body={JSON: ResumeRequest},
    answers={200: Answer("It goes on.", PausesJson)},
    problems=_PROBLEMS,
)
def resume() -> Response:
    """Resume a task or an executor.

    Also one that no process has any more.
    """
    wanted = check_body(ResumeRequest, read_json_object(), "The body does not say what to resume.")
    (deed,) = begin_deeds("resume", [(f"{wanted.what} {wanted.name}", "")])
    changed = api_state().operators.pauses.resume(wanted.what, wanted.name)
    end_deeds({deed: "done" if changed else "refused: it was not paused"})
    return _answer(changed=changed)


def pauses_json(pauses: WorkPauses) -> list[dict[str, Any]]:
    """Return all that is paused, by name."""
    return [_pause_json(name, pauses.found[name]) for name in sorted(pauses.found)]


def _answer(*, changed: bool) -> Response:
    return jsonify(pauses=pauses_json(api_state().operators.pauses.all()), changed=changed)


def _pause_json(found: str, pause: WorkPause) -> dict[str, Any]:
    what, _, name = found.partition(":")
    return {
        "what": what,
        "name": name,
        "by": pause.by,
        "since": pause.since or None,
        "note": pause.note,
        "is_known": _is_known(what, name),
    }


def _is_known(what: str, name: str) -> bool:
    engine = api_state().engine
    if what == "task":
        return name in engine.registry
    return any(load.executor == name for load in engine.loads())
