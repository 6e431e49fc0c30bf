"""Events stay small, whatever a task says."""

import json

from flask_api.jobs.records.events import LOG_BYTES, report_event


def test_event_tells_the_newest_lines_that_fit() -> None:
    """Ten thousand events of two hundred long lines each would fill Redis;
    the job's log has them all."""
    lines = [f"{number:08000d}" for number in range(200)]
    assert json.loads(report_event({}, lines)) == {"event": "report", "log": lines[-1:]}
    assert json.loads(report_event({}, ["a", "b"]))["log"] == ["a", "b"]
    assert len(report_event({"files": []}, ["x" * (LOG_BYTES + 1)])) < 100
