"""Can somebody follow a job through the source, from the request to its end?"""

import pytest
from flask import Flask

from flask_api.http.state import api_state
from tests.followed import Trail
from tests.integration.api.submitting import submit, tasks_api
from tests.integration.gate.gate_bench import Visitor, new_visitor

__all__ = ["tasks_api"]

pytestmark = pytest.mark.usefixtures("site")


def _run_one(app: Flask, visitor: Visitor, trail: Trail) -> None:
    """Submit a job with a cookie, and wait until its slot is free again."""
    assert submit(app, visitor, "sample.echo", value=1).status_code == 202
    trail.leave()
    executors = api_state(app).engine._worker.executors
    assert all(executor.wait_until_idle(deadline_s=20) for executor in executors)


def test_job_can_be_followed_through_the_files(tasks_api: Flask) -> None:
    """Whoever reads what happens in the request and in the job's slot turns to another file at
    most 138 times, and to 60 files in all: the gate, Redis three times, and the engine."""
    visitor, trail, moves = new_visitor(), Trail("flask_api", "shared"), []
    with trail.follow_new_threads():
        for _ in range(5):  # the first makes the slot's thread; later ones may be interrupted
            with trail.note():
                _run_one(tasks_api, visitor, trail)
            moves.append(trail.moves)
    assert min(moves[1:]) <= 138, moves
    assert len(trail.files) <= 60, sorted(trail.files)
