"""The OpenAPI document: valid, complete, and true of what the API really does."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import validate
from werkzeug.test import TestResponse

from deploy.redis.valkey import EmbeddedValkey
from flask_api.app import OPEN_ENDPOINTS
from flask_api.http.state import api_state
from flask_api.openapi.document import build_document, find_endpoints
from flask_api.operation.describe import NDJSON
from flask_api.testing import running_api
from shared.settings import ApiSettings
from tests.integration.api.fuzz.fuzz_bench import FUZZ_TASKS
from tests.integration.gate.gate_bench import Visitor, ask, new_visitor
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("site")

ABSENT = "00000000-0000-7000-8000-000000000000"
# Clients are written against these names: none is ever taken away or used for something else.
STABLE = {
    *(
        "getPrincipal",
        "listTasks",
        "getOpenApi",
        "getDocs",
        "getDocsAsset",
        "getProblem",
        "getLive",
        "getReady",
    ),
    *(
        "submitJob",
        "listJobs",
        "getJob",
        "getJobResult",
        "getJobLog",
        "getJobFile",
        "cancelJob",
        "retryJob",
    ),
    *("submitBatch", "getBatch", "getBatchResults", "cancelBatch"),
}


@pytest.fixture
def app(api_settings: ApiSettings) -> Iterator[Flask]:
    """The API with tasks of many shapes."""
    with running_api(api_settings, task_modules=(*api_settings.task_modules, FUZZ_TASKS)) as app:
        yield app


@pytest.fixture
def visitor(site: None) -> Visitor:
    """Somebody who is logged in."""
    return new_visitor()


def closed(schema: Any) -> Any:
    """Return the schema with every object shut:
    what it does not name is an error, so nothing is undocumented."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    shut = {name: closed(each) for name, each in schema.items()}
    return {**shut, "additionalProperties": False} if "properties" in shut else shut


def fits(
    document: dict[str, Any], schema: dict[str, Any], value: Any, *, is_answer: bool = True
) -> None:
    """Fail unless the value fits the schema; an answer must have no member that the schema does not
    name."""
    components = {
        "components": closed(document["components"]) if is_answer else document["components"]
    }
    errors = list(
        Draft202012Validator({**schema, **components}, format_checker=FormatChecker()).iter_errors(
            value
        )
    )
    assert not errors, errors[:3]


def check_answer(document: dict[str, Any], operation_id: str, answer: TestResponse) -> None:
    """Fail unless the answer is one that the operation describes:
    status, media type, headers, body."""
    (operation,) = [
        operation
        for methods in document["paths"].values()
        for operation in methods.values()
        if operation["operationId"] == operation_id
    ]
    described = operation["responses"][str(answer.status_code)]
    missing = [
        name
        for name, header in described.get("headers", {}).items()
        if header["required"] and name not in answer.headers
    ]
    assert not missing
    if not answer.data:
        assert "content" not in described or answer.status_code == 200
        return
    content = described["content"][answer.mimetype]
    if answer.mimetype == NDJSON:
        for line in answer.get_data(as_text=True).splitlines():
            fits(document, content["x-line-schema"], json.loads(line))
    else:
        fits(document, content["schema"], json.loads(answer.data))


def test_document_is_valid_and_served_as_it_is_built(app: Flask, visitor: Visitor) -> None:
    """OpenAPI 3.1 by its own schema; gated, because it names the site's tasks;
    304 for who has it."""
    answer = ask(app, "/api/openapi.json", cookie=visitor.cookie)
    validate(answer.get_json())
    assert answer.get_json() == build_document(app)
    assert answer.get_json()["openapi"].startswith("3.1")
    assert ask(app, "/api/openapi.json").status_code == 401
    again = ask(
        app,
        "/api/openapi.json",
        cookie=visitor.cookie,
        headers={"If-None-Match": answer.headers["ETag"]},
    )
    assert (again.status_code, again.data) == (304, b"")


def test_every_route_is_described(app: Flask) -> None:
    """A view without @describe is a hole in the document."""
    described = {endpoint.path for endpoint in find_endpoints(app)}
    routes = {
        rule.rule.replace("<uuid:", "<").replace("<", "{").replace(">", "}")
        for rule in app.url_map.iter_rules()
    }
    assert routes <= described
    operations = [endpoint.operation for endpoint in find_endpoints(app)]
    assert all(operation.summary.endswith(".") and operation.answers for operation in operations)


def test_operation_ids_are_unique_and_stay(app: Flask) -> None:
    """They are names in generated clients."""
    ids = [endpoint.operation.id for endpoint in find_endpoints(app)]
    assert len(ids) == len(set(ids))
    assert set(ids) >= STABLE


def test_only_the_open_list_is_described_as_open(app: Flask) -> None:
    """What the document calls open answers without a credential, nothing else does."""
    document = build_document(app)
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            url = "/api" + path.replace("{name}", "api.css").replace("{code}", "not_found")
            url = (
                url.replace("{job_id}", ABSENT)
                .replace("{batch_id}", ABSENT)
                .replace("{", "")
                .replace("}", "")
            )
            answer = ask(app, url, method=method.upper())
            assert (operation["security"] == []) == (answer.status_code != 401), (
                method,
                path,
                answer.status_code,
            )
    assert len(OPEN_ENDPOINTS) == sum(
        o["security"] == [] for m in document["paths"].values() for o in m.values()
    )


def test_documented_scopes_are_those_that_are_asked_for(
    app: Flask, valkey: EmbeddedValkey, visitor: Visitor
) -> None:
    """A key of another scope is refused by every operation that documents one, and by no other."""
    from django_site.keys.issue import create_key

    _, token = create_key(
        visitor.person, name="narrow", scopes=["tasks:no.such"], expires_in_days=1
    )
    for endpoint in find_endpoints(app):
        url = "/api" + endpoint.path
        for name in endpoint.path_parameters:
            url = url.replace(f"{{{name}}}", ABSENT)
        body = (
            {"task": "fuzz.words", "arguments": [{}] if "batches" in url else {}}
            if endpoint.operation.per_task
            else None
        )
        answer = ask(
            app,
            url,
            method=endpoint.method.upper(),
            headers={"Authorization": f"Bearer {token}"},
            json=body,
        )
        # a key needs the scope that the query names
        needs_one = bool(endpoint.scopes) or endpoint.operation.id == "checkPassage"
        assert (answer.status_code == 403) == needs_one, (
            endpoint.method,
            url,
            answer.data,
        )
        answer.close()


def test_unknown_query_parameter_is_refused_everywhere(app: Flask, visitor: Visitor) -> None:
    """One rule, also where the view itself never looks at the query."""
    for endpoint in find_endpoints(app):
        url = "/api" + endpoint.path
        for name in endpoint.path_parameters:
            url = url.replace(f"{{{name}}}", ABSENT)
        answer = ask(
            app, f"{url}?nonsense=1", method=endpoint.method.upper(), cookie=visitor.cookie
        )
        assert (answer.status_code, answer.get_json()["code"]) == (400, "invalid_query"), url
        assert [line["parameter"] for line in answer.get_json()["errors"]] == ["nonsense"]


def test_answers_of_jobs_are_as_described(app: Flask, visitor: Visitor) -> None:
    """In every state, with files, progress, errors and log lines;
    and every member is in the document."""
    document = build_document(app)

    def asked(operation_id: str, path: str, status: int, **options: Any) -> Any:
        answer = ask(app, f"/api{path}", cookie=visitor.cookie, **options)
        assert answer.status_code == status, answer.data
        check_answer(document, operation_id, answer)
        return answer.get_json(silent=True)

    def submit(task: str, query: str = "", **body: Any) -> Any:
        return asked("submitJob", f"/jobs{query}", 202, method="POST", json={"task": task, **body})

    words = submit("fuzz.words", "?wait=5", arguments={"count": 2})
    assert (words["status"], len(words["files"])) == ("succeeded", 2)
    refused = submit("fuzz.refuse", "?wait=5")
    later = submit("fuzz.words", delay_s=60)
    assert asked("getJobResult", f"/jobs/{words['id']}/result", 200) == ["word", "word"]
    assert asked("getJobResult", f"/jobs/{refused['id']}/result", 409)["error"] == {
        "type": "TaskError",
        "message": "no",
        "bases": ["Exception"],
    }
    assert asked("getJobResult", f"/jobs/{later['id']}/result", 409)["code"] == "job_unfinished"
    running = submit("fuzz.last")
    wait_until(
        lambda: asked("getJob", f"/jobs/{running['id']}", 200)["status"] == "running", timeout_s=5
    )
    cancelled = ask(app, f"/api/jobs/{running['id']}/cancel", method="POST", cookie=visitor.cookie)
    assert cancelled.status_code in (200, 202)  # 200 if its task was that quick
    check_answer(document, "cancelJob", cancelled)
    asked("getJobLog", f"/jobs/{words['id']}/log", 200)
    asked("cancelJob", f"/jobs/{later['id']}/cancel", 200, method="POST")
    asked("cancelJob", f"/jobs/{later['id']}/cancel", 409, method="POST")
    assert asked("getJobResult", f"/jobs/{later['id']}/result", 409)["code"] == "job_cancelled"
    asked("retryJob", f"/jobs/{refused['id']}/retry", 202, method="POST")
    asked("retryJob", f"/jobs/{words['id']}/retry", 409, method="POST")
    for path in (words, refused, later):
        asked("getJob", f"/jobs/{path['id']}", 200)
    asked("getJob", f"/jobs/{ABSENT}", 404)
    asked("listJobs", "/jobs?limit=1", 200)
    asked("listJobs", "/jobs", 200)
    asked(
        "submitJob",
        "/jobs",
        422,
        method="POST",
        json={"task": "fuzz.shapes", "arguments": {"number": "x"}},
    )
    asked("submitJob", "/jobs", 404, method="POST", json={"task": "no.such"})
    asked("submitJob", "/jobs", 415, method="POST", data="x")


def test_other_answers_are_as_described(app: Flask, visitor: Visitor) -> None:
    """Batches and their results, tasks, the principal, health, problems."""
    document = build_document(app)

    def asked(operation_id: str, path: str, **options: Any) -> Any:
        answer = ask(app, f"/api{path}", cookie=visitor.cookie, **options)
        assert answer.status_code < 300, answer.data
        check_answer(document, operation_id, answer)
        return answer.get_json(silent=True)

    body = {"task": "fuzz.refuse", "arguments": [{"reason": "a"}, {"reason": "b"}]}
    batch = asked("submitBatch", "/batches", method="POST", json=body)
    asked("getBatchResults", f"/batches/{batch['id']}/results?wait=5")
    asked("getBatch", f"/batches/{batch['id']}")
    asked("listBatchJobs", f"/batches/{batch['id']}/jobs?limit=1")
    asked("cancelBatch", f"/batches/{batch['id']}/cancel", method="POST")
    asked("listTasks", "/tasks")
    asked("getPrincipal", "/me")
    asked("getProblem", "/problems/job_failed")
    asked("getLive", "/health/live")
    asked("getReady", "/health/ready")


def test_bodies_are_one_alternative_for_each_task(app: Flask) -> None:
    """Told apart by ``task``; each with the arguments that the task's own signature has."""
    document = build_document(app)
    tasks = {task.name for task in api_state(app).engine.registry}
    job, batch = (
        document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        for path in ("/jobs", "/batches")
    )
    assert (
        job["discriminator"]["mapping"].keys() == batch["discriminator"]["mapping"].keys() == tasks
    )
    fits(
        document,
        job,
        {
            "task": "fuzz.shapes",
            "arguments": {"text": "a", "points": [{"x": 1, "inside": [{"x": 2}]}]},
        },
        is_answer=False,
    )
    fits(document, job, {"task": "fuzz.words", "delay_s": 3, "start_at": None}, is_answer=False)
    fits(document, batch, {"task": "fuzz.words", "arguments": [{"count": 2}, {}]}, is_answer=False)
    fits(
        document,
        batch,
        {"task": "fuzz.either", "arguments": [{"names": ["a"]}, {"leader": "b"}]},
        is_answer=False,
    )
    wrong: list[tuple[Any, Any]] = [
        (job, {"task": "fuzz.shapes", "arguments": {}}),
        (job, {"task": "fuzz.words", "arguments": {"text": "of another task"}}),
        (job, {"task": "fuzz.words", "delay_s": 3, "start_at": "2026-11-20T09:30:00Z"}),
        (job, {"task": "fuzz.words", "owner": "1"}),
        (job, {"task": "fuzz.either"}),
        (job, {"task": "fuzz.either", "arguments": {"names": [], "leader": None}}),
        (batch, {"task": "fuzz.either", "arguments": [{"names": ["a"]}, {}]}),
        (job, {"task": "no.such"}),
        (batch, {"task": "fuzz.words", "arguments": []}),
        (batch, {"task": "fuzz.words", "arguments": {}}),
    ]
    for schema, body in wrong:
        with pytest.raises(AssertionError):
            fits(document, schema, body, is_answer=False)


def test_document_follows_prefix_cookie_and_limits(api_settings: ApiSettings) -> None:
    """It describes this deployment, not the default one."""
    changes: dict[str, Any] = {
        "api_prefix": "/backend/v1",
        "session_cookie_name": "sid",
        "max_wait_s": 7,
        "batch_max": 3,
    }
    with running_api(api_settings, task_modules=(FUZZ_TASKS,), **changes) as app:
        document = build_document(app)
    assert document["servers"] == [{"url": "/backend/v1"}]
    assert document["components"]["securitySchemes"]["session"]["name"] == "sid"
    (wait,) = [
        each
        for each in document["paths"]["/jobs/{job_id}"]["get"]["parameters"]
        if each["name"] == "wait"
    ]
    assert wait["schema"]["maximum"] == 7
    assert (
        document["components"]["schemas"]["fuzz.words.BatchRequest"]["properties"]["arguments"][
            "maxItems"
        ]
        == 3
    )


def test_links_lead_from_what_was_made_to_what_can_be_done_with_it(app: Flask) -> None:
    """A generated client or a fuzzer can follow them."""
    links = build_document(app)["paths"]["/jobs"]["post"]["responses"]["202"]["links"]
    assert {"getJob", "cancelJob", "retryJob", "getJobResult", "getJobLog"} <= links.keys()
    assert links["cancelJob"] == {
        "operationId": "cancelJob",
        "parameters": {"job_id": "$response.body#/id"},
    }
