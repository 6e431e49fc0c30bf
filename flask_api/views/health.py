"""Is the process up, and can it do its work? Open:
monitors and load balancers hold no key, and read no secret here."""

from collections.abc import Callable
from typing import Annotated, Literal

from flask import Blueprint, Response, jsonify
from pydantic import BaseModel, Field
from redis.exceptions import NoPermissionError

from flask_api.gate.state import gate_state
from flask_api.http.state import api_state
from flask_api.operation.describe import Answer, describe
from shared.contract.entries import JOBS_PREFIX, key_used_entry
from shared.errors import ConfigurationError, StoreUnavailable
from shared.version import VERSION

blueprint = Blueprint("health", __name__, url_prefix="/health")
PLACE_IN_DOCS = 90

RETRY_AFTER_S = 2


class Live(BaseModel):
    """The process answers."""

    status: Literal["live"]
    version: str


class ReadyCheck(BaseModel):
    """One thing that must hold for requests to be worth sending here."""

    name: Literal["sessions", "jobs", "durable", "accepting"]
    ok: bool
    detail: str


class Ready(BaseModel):
    """Whether this process can do its work, and why not."""

    status: Literal["ready", "not_ready"]
    checks: list[ReadyCheck]
    warnings: Annotated[
        list[str],
        Field(
            description="what is wrong elsewhere, with workers: requests are welcome all the same"
        ),
    ]


@blueprint.get("/live")
@describe("getLive", answers={200: Answer("It answers.", Live)})
def live() -> Response:
    """Ask whether this process answers requests.

    Redis is not asked: a restart, which is what a failed check brings, would not bring Redis back.
    """
    return jsonify(status="live", version=VERSION)


@blueprint.get("/ready")
@describe(
    "getReady",
    answers={
        200: Answer("Requests are welcome here.", Ready),
        503: Answer("A check failed: send requests elsewhere.", Ready, headers=("Retry-After",)),
    },
)
def ready() -> Response:
    """Ask whether this process can do its work just now.

    The stores of sessions and of jobs are primaries that take writes, and have the replicas that
    a write waits for; the latter keeps what it accepted, and the job engine takes jobs. A process
    whose jobs' store is full is not ready, though people still log in there. Workers elsewhere that
    are missing, or of another version, are warnings: every process would say the same, and jobs are
    taken and wait.
    """
    checks = [_check(name, ask) for name, ask in _CHECKS.items()]
    is_ready = all(check["ok"] for check in checks)
    warnings = [line for fleet in api_state().engine.fleets() for line in fleet.summary()]
    status = "ready" if is_ready else "not_ready"
    answer = jsonify(status=status, checks=checks, warnings=warnings)
    if not is_ready:
        answer.status_code = 503
        answer.headers["Retry-After"] = str(RETRY_AFTER_S)
    return answer


def _check(name: str, ask: Callable[[], str]) -> dict[str, object]:
    """Run one check; what is wrong is said in words that name no host and no setting's value."""
    try:
        problem = ask()
    except StoreUnavailable as error:
        problem = error.message
    return {"name": name, "ok": not problem, "detail": problem or "ok"}


def _sessions() -> str:
    store = gate_state().store
    try:
        store.require_writes(key_used_entry("readiness"))
    except StoreUnavailable as error:
        if not isinstance(error.__cause__, NoPermissionError):
            raise
        # a user that may only read: is it a primary at least, and has it the replicas it needs?
        store.require_replicas(key_used_entry("readiness"))
    return ""


def _jobs() -> str:
    api_state().jobs_store.require_writes(f"{JOBS_PREFIX}readiness")
    return ""


def _durable() -> str:
    try:
        api_state().engine.check_redis()
    except ConfigurationError:
        return "The jobs' Redis may lose accepted jobs; the log of a start says why."
    return ""


def _accepting() -> str:
    return (
        "" if api_state().engine.is_accepting else "This process takes no jobs: it starts or stops."
    )


_CHECKS: dict[str, Callable[[], str]] = {
    "sessions": _sessions,
    "jobs": _jobs,
    "durable": _durable,
    "accepting": _accepting,
}
