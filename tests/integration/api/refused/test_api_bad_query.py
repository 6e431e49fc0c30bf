"""Bad query parameters, addresses and methods are a 4xx problem that says what is accepted."""

import pytest
import redis
from flask import Flask

from tests.integration.api.refused.refusing import SUM, admin, check_problem, visitor
from tests.integration.gate.gate_bench import Visitor, ask, keys_of

pytestmark = pytest.mark.usefixtures("site")

__all__ = ["admin", "visitor"]


BAD_QUERIES = {
    "/api/jobs?limit=0": "limit",
    "/api/jobs?limit=101": "limit",
    "/api/jobs?limit=ten": "limit",
    "/api/jobs?limit=": "limit",
    "/api/jobs?status=done": "status",
    "/api/jobs?status=": "status",
    "/api/jobs?cursor=x": "cursor",
    "/api/jobs?cursor=" + "[" * 36: "cursor",
    "/api/jobs?task=" + "a" * 101: "task",
    "/api/jobs?owner=1": "owner",
    "/api/jobs?page=2": "page",
    "/api/jobs?limit=1&limit=2": "limit",
    "/api/jobs/00000000-0000-7000-8000-000000000000?wait=-1": "wait",
    "/api/jobs/00000000-0000-7000-8000-000000000000?wait=31": "wait",
    "/api/jobs/00000000-0000-7000-8000-000000000000?wait=nan": "wait",
    "/api/jobs/00000000-0000-7000-8000-000000000000?wait=inf": "wait",
    "/api/jobs/00000000-0000-7000-8000-000000000000?wait=1e400": "wait",
    "/api/jobs/00000000-0000-7000-8000-000000000000?waiting=1": "waiting",
}


@pytest.mark.parametrize(("path", "parameter"), BAD_QUERIES.items())
def test_wrong_query_parameter_is_named(
    api: Flask, visitor: Visitor, path: str, parameter: str
) -> None:
    """400 with the parameter's name and what is accepted."""
    problem = check_problem(ask(api, path, cookie=visitor.cookie), 400, "invalid_query")
    assert [line["parameter"] for line in problem["errors"]] == [parameter]
    assert problem["errors"][0]["detail"]


def test_wrong_wait_on_submit_stores_nothing(
    api: Flask, admin: redis.Redis, visitor: Visitor
) -> None:
    """The query is judged before the job is accepted."""
    before = keys_of(admin)
    answer = ask(api, "/api/jobs?wait=99", method="POST", cookie=visitor.cookie, json=SUM)
    check_problem(answer, 400, "invalid_query")
    assert keys_of(admin) == before


@pytest.mark.parametrize(
    "path",
    [
        "/api/nothing",
        "/api/jobs/not-a-uuid",
        "/api/jobs/00000000-0000-7000-8000-000000000000",
        "/api/problems/none",
        "/api/",
    ],
)
def test_absent_resource_is_404(api: Flask, visitor: Visitor, path: str) -> None:
    """A problem here too, not a page."""
    answer = ask(api, path, cookie=visitor.cookie)
    assert answer.status_code == 404
    check_problem(answer, 404, answer.get_json()["code"])


@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", "/api/jobs"), ("PUT", "/api/me"), ("POST", "/api/tasks"), ("TRACE", "/api/me")],
)
def test_wrong_method_is_405_with_allow(
    api: Flask, visitor: Visitor, method: str, path: str
) -> None:
    """What is allowed is named."""
    answer = ask(api, path, method=method, cookie=visitor.cookie)
    check_problem(answer, 405, "method_not_allowed")
    assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize(
    "method", ["GET", "POST", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "BREW"]
)
def test_odd_methods_on_every_path_are_client_errors(
    api: Flask, visitor: Visitor, method: str
) -> None:
    """No method that HTTP or somebody made up is a 5xx."""
    for path in (
        "/api/me",
        "/api/jobs",
        "/api/tasks",
        "/api/nothing",
        "/api/health/live",
        "/api/problems/x",
    ):
        assert ask(api, path, method=method, cookie=visitor.cookie).status_code < 500
