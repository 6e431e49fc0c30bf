"""Schema-driven fuzzing: schemathesis reads the API's own document and asks every operation what it
should and should not."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from flask import Flask
from schemathesis import engine
from schemathesis.config import SchemathesisConfig
from schemathesis.core.transport import Response
from schemathesis.engine import events
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import make_server

from flask_api.gate.state import gate_state
from flask_api.openapi.document import document_of

PHASES = ("examples", "coverage", "fuzzing", "stateful")
# What a schema can't say, by the words of the refusal.
_BEYOND_SCHEMAS = (
    b'"idempotency_conflict"',  # a key that came with another body
    b"30 days from now",  # a time that is too far away
    b"name must have",  # a file's name that isn't valid
    b"The form has",  # a form without its one file
    b"last_event_id must be",  # a text that is no event's id
    b"places in the order of submission",  # a place that this batch has not
    b"give people for",  # a share for people that names none, or for others that does
    b"give group for",
    b"give names",  # that are too long together, or have hidden signs
)
FUZZ_TASKS = "tests.integration.api.fuzz.fuzz_tasks"


@dataclass
class Fuzzed:
    """What one run found. ``asked``: how many requests were sent, by operation."""

    failures: list[str] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """Serve the app over real HTTP, mounted as wsgi.py mounts it; yields the address of the API."""
    prefix = gate_state(app).settings.api_prefix
    server = make_server(
        "127.0.0.1", 0, DispatcherMiddleware(NotFound(), {prefix: app}), threaded=True
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}{prefix}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def fuzz(
    app: Flask, cookie: str, *, examples: int, seed: int, phases: tuple[str, ...], **checks: Any
) -> Fuzzed:
    """Ask every operation of the app what its document says and what it forbids,
    as the person of this session."""
    found = Fuzzed()
    with served(app) as address:
        config = {
            "base-url": address,
            "seed": seed,
            "continue-on-failure": True,
            "max-stream-events": 1,
            "auth": {"openapi": {"session": {"api_key": cookie}}},
            "generation": {"max-examples": examples, "database": "none", "no-shrink": True},
            "checks": checks,
            "phases": {name: {"enabled": name in phases} for name in PHASES},
            "suppress-health-check": ["all"],
        }
        schema = schemathesis.openapi.from_dict(
            document_of(app, server="/api"), config=SchemathesisConfig.from_dict(config)
        )
        for event in engine.from_schema(schema).execute():
            _note(found, event)
    return found


def _note(found: Fuzzed, event: events.EngineEvent) -> None:
    if isinstance(event, events.FatalError):
        raise event.exception
    if isinstance(event, events.NonFatalError):
        found.failures.append(f"{event.label}: {event.value!r}")
    if not isinstance(event, events.ScenarioFinished):
        return
    recorder = event.recorder
    for case_id, interaction in recorder.interactions.items():
        response = interaction.response
        operation = recorder.cases[case_id].value.operation.label
        found.asked[operation] += 1
        if response is not None and not is_full(response):
            found.statuses[response.status_code] += 1
        for check in recorder.checks.get(case_id, ()):
            if check.failure_info is not None and not _is_intended(check.name, response):
                found.failures.append(
                    f"{operation}: {check.failure_info.failure}\n{check.failure_info.code_sample}"
                )


def is_full(response: Response) -> bool:
    """Tell whether more streams were asked for than the process holds:
    a documented 503, which the test brings about."""
    return b'"too_many_streams"' in response.content


def _is_intended(check: str, response: Response | None) -> bool:
    """Tell whether what looks wrong to the check is what we promise,
    and a JSON Schema can't say it."""
    if response is None:
        return False
    if check == "not_a_server_error":
        return is_full(response)
    if check == "unsupported_method":
        return response.status_code == 401  # who asks comes before what is asked for
    return check == "positive_data_acceptance" and any(
        reason in response.content for reason in _BEYOND_SCHEMAS
    )
