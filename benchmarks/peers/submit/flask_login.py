"""Flask-Login and Flask-Session (Redis), as in gate/flask_login_app.py, with a view that enqueues on RQ.
It checks no origin."""

from typing import Any

import redis
from flask import Flask, Response, abort, jsonify, request
from flask_login import current_user, login_required
from rq import Queue

from benchmarks.measuring.context import Context
from benchmarks.peers.gate import flask_login_app
from benchmarks.peers.gate.flask_login_app import seed

__all__ = ["create_app", "seed"]

PATH = "/jobs"


def create_app(context_file: str, tuned: bool = False, **more: Any) -> Flask:
    """Return the application, ``more`` as flask_login_app has it."""
    app = flask_login_app.create_app(context_file, tuned=tuned, **more)
    queue = Queue(
        "submit", connection=redis.Redis.from_url(Context.load(context_file).peer_redis_url)
    )

    @app.post(PATH)
    @login_required  # type: ignore[untyped-decorator]  # Flask-Login has no types
    def submit() -> tuple[Response, int]:
        wanted = request.get_json()
        number = wanted["arguments"].get("number")
        if wanted["task"] != "bench.nothing" or not isinstance(number, int):
            abort(422)
        job = queue.enqueue(
            "benchmarks.measuring.job_tasks.do_nothing",
            kwargs={"number": number},
            meta={"owner": current_user.id},
        )
        return jsonify(
            id=job.id, status=job.get_status(refresh=False), owner=current_user.username
        ), 202

    return app


def body(*, begins: bool = True) -> dict[str, object]:
    """Return a body that submits one job; whether it begins is for a worker to say."""
    del begins
    return {"task": "bench.nothing", "arguments": {"number": 1}}


def headers(cookie: str) -> dict[str, str]:
    """Return what is sent beside the cookie."""
    del cookie
    return {}
