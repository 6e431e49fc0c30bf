"""How long a request wants to wait for a change: ``?wait=20``, or ``Prefer:
wait=20`` (RFC 7240)."""

import re
from dataclasses import dataclass, field
from typing import Annotated

from flask import request
from pydantic import BaseModel, ConfigDict, Field

from flask_api.gate.state import gate_state
from flask_api.http.query import InvalidQuery, QueryProblem, read_query

_PREFERENCE = re.compile(
    r'(?:^|,)\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:$|[,;])', re.ASCII | re.IGNORECASE
)


class WaitQuery(BaseModel):
    """``?wait=``: how many seconds to wait for the job's end before the answer."""

    model_config = ConfigDict(extra="forbid")

    wait: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = Field(
        None, description="How many seconds to wait for the job's end before the answer."
    )


@dataclass(frozen=True, slots=True)
class Wait:
    """How long to wait, and the headers that say so."""

    seconds: float
    headers: dict[str, str] = field(default_factory=dict)


def read_wait() -> Wait:
    """Return the wait that the request asks for, 0 by default.

    A parameter over the longest wait is refused with InvalidQuery; a mere preference over it is
    cut, which ``Preference-Applied`` shows, and one that can't be read is ignored.
    """
    longest_s = gate_state().settings.max_wait_s
    wait_s = read_query(WaitQuery).wait
    if wait_s is not None:
        return Wait(within(wait_s, longest_s))
    preferred = _PREFERENCE.search(request.headers.get("Prefer", ""))
    if preferred is None:
        return Wait(0)
    seconds = min(int(preferred[1]), longest_s)
    return Wait(seconds, {"Preference-Applied": f"wait={seconds}"})


def within(wait_s: float, longest_s: float) -> float:
    """Return ``wait_s``, or raise InvalidQuery when it is longer than this server lets anybody
    wait."""
    if wait_s > longest_s:
        raise InvalidQuery(
            [QueryProblem(parameter="wait", detail=f"must be 0 to {longest_s} seconds")]
        )
    return wait_s
