"""The OpenAPI document: valid, complete, and true of what the API asks for."""

from typing import Any

import pytest
from flask import Flask
from openapi_spec_validator import validate

from deploy.redis.valkey import EmbeddedValkey
from flask_api.app import OPEN_ENDPOINTS
from flask_api.http.state import api_state
from flask_api.openapi.document import build_document, find_endpoints
from flask_api.testing import running_api
from shared.settings import ApiSettings
from tests.integration.api.fuzz.fuzz_bench import FUZZ_TASKS
from tests.integration.api.openapi.described import ABSENT, app, fits, visitor
from tests.integration.gate.gate_bench import Visitor, ask, new_visitor

__all__ = ["app", "visitor"]

pytestmark = pytest.mark.usefixtures("site")
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


def test_unknown_query_parameter_is_refused_everywhere(app: Flask) -> None:
    """One rule, also where the view itself never looks at the query; for who may all."""
    visitor = new_visitor(is_staff=True, is_superuser=True)
    for endpoint in find_endpoints(app):
        url = "/api" + endpoint.path
        for name in endpoint.path_parameters:
            url = url.replace(f"{{{name}}}", ABSENT)
        answer = ask(
            app, f"{url}?nonsense=1", method=endpoint.method.upper(), cookie=visitor.cookie
        )
        assert (answer.status_code, answer.get_json()["code"]) == (400, "invalid_query"), url
        assert [line["parameter"] for line in answer.get_json()["errors"]] == ["nonsense"]


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
