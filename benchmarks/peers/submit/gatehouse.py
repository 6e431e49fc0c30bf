"""Ours: the whole API, mounted where the service mounts it;
its engine runs the jobs in the same process."""

from typing import TYPE_CHECKING

from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from benchmarks.measuring.context import Context
from benchmarks.measuring.engines import api_settings
from benchmarks.peers.gate.gatehouse import seed
from flask_api.app import create_app as create_api
from flask_api.app import start_jobs

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

__all__ = ["create_app", "seed"]

PATH = "/api/jobs"


def create_app(context_file: str, tuned: bool = False) -> "WSGIApplication":
    """Return the application; there is nothing to tune."""
    del tuned
    settings = api_settings(Context.load(context_file))
    api = create_api(settings)
    start_jobs(api)  # the server has forked by now
    return DispatcherMiddleware(NotFound(), {settings.api_prefix: api})


def body(sets: int = 1, *, begins: bool = True) -> dict[str, object]:
    """Return a body that submits one job, or a batch of so many;
    one that does not begin is to start in an hour."""
    arguments = [{"number": number} for number in range(sets)]
    wanted: dict[str, object] = {
        "task": "bench.nothing",
        "arguments": arguments if sets > 1 else arguments[0],
    }
    return wanted if begins else {**wanted, "delay_s": 3600}


def headers(cookie: str) -> dict[str, str]:
    """Return what a browser sends beside the cookie."""
    del cookie
    return {"Sec-Fetch-Site": "same-origin"}
