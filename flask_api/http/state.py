"""What the API of one application is made of, and where its views find it.

The gate's own part, which other applications have too, is flask_api.gate.state.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask

from flask_api.gate.state import this_app
from flask_api.http.row_files import RowReader
from flask_api.jobs.engine import JobEngine
from flask_api.jobs.operating.operators import Operators
from flask_api.jobs.sharing.onlookers import Onlookers
from flask_api.jobs.sharing.shares import Shares
from flask_api.streams.streams import Streams
from shared.redis import RedisGateway

EXTENSION = "gatehouse_api"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiState:
    """The parts of one application's API, each made once when it is created."""

    engine: JobEngine
    jobs_store: RedisGateway  # the connections to the jobs' Redis that requests use
    streams: Streams
    rows: RowReader
    shares: Shares
    operators: Operators
    onlookers: Onlookers
    metrics: Callable[[], bytes]  # in Prometheus' text format; blocks for Redis' time-outs
    open_endpoints: frozenset[str]  # asked without a credential
    document: Callable[[], dict[str, Any]]  # OpenAPI, made on first use


def api_state(app: Flask | None = None) -> ApiState:
    """Return the API of ``app``, by default of the one that answers this request."""
    state: ApiState = (app or this_app()).extensions[EXTENSION]
    return state
