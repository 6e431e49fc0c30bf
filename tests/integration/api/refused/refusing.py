"""What is sent, who sends it, and what a refusal has to be."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from flask import Flask
from werkzeug.test import TestResponse

from deploy.redis.valkey import EmbeddedValkey
from tests.integration.gate.gate_bench import Visitor, admin_of, ask, new_visitor

SUM = {"task": "primes.sum", "arguments": {"limit": 10}}


@pytest.fixture
def admin(valkey: EmbeddedValkey) -> Iterator[redis.Redis]:
    """A client that may do everything."""
    with admin_of(valkey) as client:
        yield client


@pytest.fixture
def visitor(site: None) -> Visitor:
    """Somebody who is logged in."""
    return new_visitor()


def send(app: Flask, visitor: Visitor, body: bytes, **headers: str) -> TestResponse:
    """Post a body as JSON, whatever it is."""
    sent = {"Content-Type": "application/json", **headers}
    return ask(app, "/api/jobs", method="POST", cookie=visitor.cookie, data=body, headers=sent)


def check_problem(answer: TestResponse, status: int, code: str) -> dict[str, Any]:
    """Check that the answer is a problem as RFC 9457 has it; return it."""
    problem: dict[str, Any] = json.loads(answer.data)
    assert (answer.status_code, problem["code"]) == (status, code), problem
    assert answer.mimetype == "application/problem+json"
    assert problem["status"] == status
    assert problem["type"] == f"/api/problems/{code}"
    assert problem["title"]
    assert problem["detail"]
    return problem
