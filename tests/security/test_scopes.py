"""Every operation by a key of every scope, compared with the table in docs/scopes.md."""

import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from flask import Flask
from flask.testing import FlaskClient

from flask_api.http.operators.access import OPERATE_PERMISSION, VIEW_PERMISSION
from flask_api.operation.describe import find_operation
from flask_api.testing import People, key_client, new_principal, session_client
from shared.contract.api_keys import SCOPES
from shared.contract.principal import Principal
from shared.settings import ROOT, ApiSettings

TASK = "sample.echo"
COLUMNS: dict[str, tuple[str, ...]] = {
    "no scope": (),
    **{f"`{scope}`": (scope,) for scope in SCOPES},
    "`tasks:<name>`": (f"tasks:{TASK}",),
    "all": (*SCOPES, f"tasks:{TASK}"),
}
NOWHERE = "00000000-0000-7000-8000-000000000000"


def table() -> dict[str, dict[str, str]]:
    """Return the table of the docs: by operation, by column."""
    page = (Path(ROOT) / "docs/scopes.md").read_text()
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in page.splitlines()
        if line.startswith("|")
    ]
    heading = next(line for line in lines if line[0] == "operation")
    rows = [
        line
        for line in lines
        if re.fullmatch(r"`[a-z]+[A-Za-z]*`", line[0]) and len(line) == len(heading)
    ]
    return {row[0].strip("`"): dict(zip(heading[1:], row[1:], strict=True)) for row in rows}


def operations(app: Flask) -> Iterator[tuple[str, str, str]]:
    """Yield each operation of the application: its id, method and an address."""
    for rule in app.url_map.iter_rules():
        operation = find_operation(app.view_functions[rule.endpoint])
        assert operation is not None, rule
        path = (
            re.sub(r"<uuid:\w+>", NOWHERE, rule.rule)
            .replace("<token>", "x")
            .replace("<name>", "x")
            .replace("<share_id>", "x")
            .replace("<person_id>", "x")
            .replace("<code>", "x")
        )
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield operation.id, method, path


@pytest.fixture
def people(api_settings: ApiSettings, writer: str) -> Iterator[People]:
    """Makes people and keys."""
    with People(api_settings, writer_url=writer) as people:
        yield people


@pytest.fixture
def ada_keys(app: Flask, people: People) -> Callable[..., FlaskClient]:
    """A function that makes a client with a key of Ada's, of these scopes."""
    ada = people.add(new_principal("ada"))
    return lambda *scopes: key_client(app, people.new_api_key(ada, scopes=scopes))


def test_every_operation_by_every_scope_is_as_the_docs_say(app: Flask, people: People) -> None:
    """Refused as without the scope, or let in:
    then it is 404 or 422 for what was asked for here."""
    found: dict[str, dict[str, str]] = {}
    operator = people.add(new_principal("otto", is_staff=True, permissions=[OPERATE_PERMISSION]))
    clients = {
        column: key_client(app, people.new_api_key(operator, scopes=scopes))
        for column, scopes in COLUMNS.items()
    }
    for operation, method, path in operations(app):
        body = {
            "task": TASK,
            "arguments": [{"count": "x"}] if "batches" in path else {"count": "x"},
        }
        for column, client in clients.items():
            answer = client.open(
                path, method=method, json=body if method == "POST" else None, buffered=False
            )
            is_refused = (
                answer.status_code == 403 and answer.get_json()["code"] == "permission_denied"
            )
            answer.close()
            found.setdefault(operation, {})[column] = "no" if is_refused else "yes"
    said = {
        operation: {column: cell.replace("receipt", "yes") for column, cell in row.items()}
        for operation, row in table().items()
    }
    assert said == found


def test_receipts_are_given_where_the_docs_say() -> None:
    """The next tests look at each of them: a new one needs a test too."""
    receipts = {operation for operation, row in table().items() if "receipt" in row.values()}
    assert receipts == {"submitJob", "cancelJob", "retryJob"}


SECRET = "a word that only a reader may see"


def submit(client: FlaskClient, **body: Any) -> dict[str, Any]:
    """Submit a job with the secret in its arguments and its result;
    wait for its end where the key may."""
    sent = {"task": TASK, "arguments": {"value": SECRET}, **body}
    answer = client.post("/jobs?wait=10" if "delay_s" not in body else "/jobs", json=sent)
    assert answer.status_code == 202, answer.text
    record: dict[str, Any] = answer.get_json()
    return record


@pytest.mark.parametrize("scope", ["jobs:submit", f"tasks:{TASK}"])
def test_repeated_submit_tells_no_result_to_a_key_that_may_not_read(
    app: Flask, ada_keys: Callable[..., FlaskClient], scope: str
) -> None:
    """It is told where the job is and how it stands; a key that may read gets the whole."""
    sent: dict[str, Any] = {
        "json": {"task": TASK, "arguments": {"value": SECRET}},
        "headers": {"Idempotency-Key": "one"},
    }
    reader = ada_keys("jobs:submit", "jobs:read")
    first = reader.post("/jobs?wait=10", **sent).get_json()
    assert (first["status"], first["result"]) == ("succeeded", [SECRET])
    again = ada_keys(scope).post("/jobs", **sent)
    assert SECRET not in again.text
    receipt = again.get_json()
    assert (again.status_code, receipt["id"], receipt["status"]) == (202, first["id"], "succeeded")
    assert receipt["withheld"] == [
        *("arguments", "attempts", "attempts_left_out", "progress", "result", "error", "files"),
    ]
    assert receipt.keys() - {"withheld"} == first.keys()
    assert ada_keys(scope).post("/jobs?wait=1", **sent).status_code == 403
    assert (
        ada_keys(scope)
        .post("/jobs", **{**sent, "headers": {**sent["headers"], "Prefer": "wait=1"}})
        .status_code
        == 403
    )


@pytest.mark.parametrize(("scope", "act"), [("jobs:cancel", "cancel"), ("jobs:submit", "retry")])
def test_act_answers_with_a_receipt_to_a_key_that_may_not_read(
    app: Flask, ada_keys: Callable[..., FlaskClient], scope: str, act: str
) -> None:
    """Of a job whose arguments the key may not know."""
    reader = ada_keys("jobs:submit", "jobs:cancel", "jobs:read")
    job = submit(reader, delay_s=600)["id"]
    if act == "retry":
        reader.post(f"/jobs/{job}/cancel")
    answer = ada_keys(scope).post(f"/jobs/{job}/{act}")
    assert answer.status_code in (200, 202)
    assert SECRET not in answer.text
    assert "result" in answer.get_json()["withheld"]


ACTS = {
    "jobs": [("POST", "cancel"), ("POST", "retry")],
    "batches": [("POST", "cancel"), ("POST", "withdraw")],
    "files": [("DELETE", "")],
}


def things_of(owner: FlaskClient) -> dict[str, str]:
    """Return what a person has, by kind: a waiting job, a batch, a file."""
    batch = owner.post("/batches", json={"task": TASK, "arguments": [{}]}).get_json()["id"]
    return {
        "jobs": submit(owner, delay_s=600)["id"],
        "batches": batch,
        "files": owner.post("/files", data=b"x").get_json()["id"],
    }


def act_on(client: FlaskClient, things: dict[str, str]) -> list[int]:
    """Do every act on everything; return the statuses."""
    return [
        client.open(
            f"/{kind}/{things[kind]}/{act}".rstrip("/"), method=method, json={"positions": [0]}
        ).status_code
        for kind, acts in ACTS.items()
        for method, act in acts
    ]


def test_acting_on_other_peoples_needs_the_operators_permission(
    app: Flask, people: People, caplog: pytest.LogCaptureFixture
) -> None:
    """Others see nothing, staff sees only; an operator may, with a key only by its scope,
    and each act is logged."""

    def session(principal: Principal) -> FlaskClient:
        return session_client(app, people.new_session(people.add(principal)))

    things = things_of(session(new_principal("ada")))
    operator = people.add(new_principal("otto", is_staff=True, permissions=[OPERATE_PERMISSION]))
    acts = sum(map(len, ACTS.values()))
    assert act_on(session(new_principal("bob")), things) == [404] * acts
    assert act_on(session(new_principal("sue", is_staff=True)), things) == [403] * acts
    usual = key_client(
        app, people.new_api_key(operator, scopes=("jobs:read", "jobs:submit", "jobs:cancel"))
    )
    assert act_on(usual, things) == [403] * acts
    with caplog.at_level(logging.INFO, "gatehouse.security"):
        every_scope = key_client(app, people.new_api_key(operator, scopes=SCOPES))
        assert act_on(every_scope, things) == [200, 202, 202, 200, 204]
    lines = [record for record in caplog.records if record.message == "operator acts"]
    assert [(line.act, line.thing.split()[0], line.user_id) for line in lines] == [  # type: ignore[attr-defined]
        (act, thing, operator.id)
        for act, thing in [
            ("cancel", "job"),
            ("retry", "job"),
            ("cancel", "batch"),
            ("cancel jobs of", "batch"),
            ("delete", "file"),
        ]
    ]
    assert act_on(
        session_client(app, people.new_session(operator)), things_of(session(new_principal("ada")))
    ) == [
        200,
        202,
        202,
        200,
        204,
    ]


def test_django_defines_the_operators_permission(site: None) -> None:
    """Admin can give it: the row is made by a migration."""
    from django.contrib.auth.models import Permission

    for permission in (OPERATE_PERMISSION, VIEW_PERMISSION):
        label, codename = permission.split(".")
        found = Permission.objects.filter(content_type__app_label=label, codename=codename)
        assert found.count() == 1
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)
