"""A bad body is a 4xx problem that says where and what is accepted;
never a 5xx, and nothing is stored."""

import json
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pytest
import redis
from flask import Flask

from tests.integration.api.refused.refusing import SUM, admin, check_problem, send, visitor
from tests.integration.gate.gate_bench import Visitor, ask, keys_of

__all__ = ["admin", "visitor"]

pytestmark = pytest.mark.usefixtures("site")


@dataclass(frozen=True)
class Wrong:
    """A body with one wrong member: its pointer, and a word that says what is accepted."""

    body: dict[str, Any]
    pointer: str
    accepted: str
    status: int = 422
    code: str = "invalid_arguments"


def of_task(task: object, accepted: str) -> Wrong:
    """A task that there is not."""
    return Wrong({"task": task}, "/task", accepted, status=404, code="unknown_task")


def of_sum(arguments: object, accepted: str, pointer: str = "/arguments/limit") -> Wrong:
    """A wrong argument of primes.sum."""
    return Wrong({"task": "primes.sum", "arguments": arguments}, pointer, accepted)


NOT_THE_CLIENTS = {
    "owner": {"id": "1", "username": "root"},
    "owner_id": "1",
    "status": "succeeded",
    "executor": "rq",
    "function": "os.system",
    "result": 1,
    "id": "x",
    "max_attempts": 99,
    "holder": "me",
}
WRONG_MEMBERS = {
    "unknown task": of_task("no.such", "primes.sum"),
    "task with a path": of_task("../../etc/passwd", "primes.sum"),
    "dotted function": of_task("os.system", "primes.sum"),
    "task of another type": Wrong({"task": 7}, "/task", "string"),
    "no task": Wrong({"arguments": {}}, "/task", "required"),
    "long task name": Wrong({"task": "a" * 101}, "/task", "100"),
    "arguments of another type": of_sum([1], "object", "/arguments"),
    "wrong type": of_sum({"limit": "10"}, "integer"),
    "boolean": of_sum({"limit": True}, "integer"),
    "fraction": of_sum({"limit": 1.5}, "integer"),
    "null": of_sum({"limit": None}, "integer"),
    "missing": of_sum({}, "required"),
    "extra": of_sum({"limit": 1, "job": 1}, "limit", "/arguments/job"),
    "too low": of_sum({"limit": -1}, "minimum"),
    "too high": of_sum({"limit": 10**9}, "200000000"),
    "very high": of_sum({"limit": 10**4000}, "200000000"),
    "argument that needs escapes": of_sum({"limit": 1, "a/b~c": 1}, "limit", "/arguments/a~1b~0c"),
    "argument by a Python name": of_sum(
        {"limit": 1, "__class__": 1}, "limit", "/arguments/__class__"
    ),
    "item of a list": Wrong(
        {"task": "primes.check", "arguments": {"numbers": [1, "x"]}},
        "/arguments/numbers/1",
        "integer",
    ),
    "empty list": Wrong(
        {"task": "primes.check", "arguments": {"numbers": []}}, "/arguments/numbers", "1"
    ),
    "file URL": Wrong(
        {"task": "web.page_sizes", "arguments": {"urls": ["file:///x"]}},
        "/arguments/urls/0",
        "pattern",
    ),
    **{
        f"mass assignment of {name}": Wrong({**SUM, name: value}, f"/{name}", "task")
        for name, value in NOT_THE_CLIENTS.items()
    },
}


@pytest.mark.parametrize("case", WRONG_MEMBERS.values(), ids=WRONG_MEMBERS.keys())
def test_wrong_member_is_named_with_what_is_accepted(
    api: Flask, admin: redis.Redis, visitor: Visitor, case: Wrong
) -> None:
    """By JSON pointer (RFC 6901), in words that help; nothing is stored."""
    before = keys_of(admin)
    problem = check_problem(
        send(api, visitor, json.dumps(case.body).encode()), case.status, case.code
    )
    details = {line["pointer"]: line["detail"] for line in problem["errors"]}
    assert case.pointer in details
    assert case.accepted in details[case.pointer]
    assert keys_of(admin) == before


BROKEN_BODIES: dict[str, bytes] = {
    "nothing": b"",
    "not JSON": b"task=primes.sum",
    "half": b'{"task": "primes.sum"',
    "two values": b"{} {}",
    "a list": b"[]",
    "a string": b'"primes.sum"',
    "null": b"null",
    "100,000 brackets": b"[" * 100_000 + b"]" * 100_000,
    "100,000 open brackets": b"[" * 100_000,
    "100,000 braces": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "deep argument": b'{"task": "primes.sum", "arguments": {"limit": '
    + b"[" * 100_000
    + b"]" * 100_000
    + b"}}",
    "NaN": b'{"task": "primes.sum", "arguments": {"limit": NaN}}',
    "Infinity": b'{"task": "primes.sum", "arguments": {"limit": -Infinity}}',
    "out of range": b'{"task": "primes.sum", "arguments": {"limit": 1e999}}',
    "number of 10,000 digits": b'{"task": "primes.sum", "arguments": {"limit": '
    + b"9" * 10_000
    + b"}}",
    "duplicate member": b'{"task": "primes.sum", "arguments": {"limit": 10}, "task": '
    b'"web.page_sizes"}',
    "duplicate argument": b'{"task": "primes.sum", "arguments": {"limit": 10, "limit": 11}}',
    "duplicate by escape": b'{"task": "primes.sum", "arguments": {"limit": 10, "l\\u0069mit": 11}}',
    "not UTF-8": b'{"task": "\xff\xfe"}',
    "UTF-16": '{"task": "primes.sum"}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "lone surrogate": b'{"task": "\\ud800", "arguments": {}}',
    "control character": b'{"task": "a\nb"}',
    "single quotes": b"{'task': 'primes.sum'}",
    "comment": b'{"task": "primes.sum" /* sum */}',
}


@pytest.mark.parametrize("body", BROKEN_BODIES.values(), ids=BROKEN_BODIES.keys())
def test_body_that_is_not_strict_json_is_400(
    api: Flask, admin: redis.Redis, visitor: Visitor, body: bytes
) -> None:
    """What two parsers could read differently, or a parser could choke on,
    is refused with a reason; nothing is stored."""
    before = keys_of(admin)
    problem = check_problem(send(api, visitor, body), 400, "bad_request")
    assert len(problem["detail"]) < 500
    assert keys_of(admin) == before


@pytest.mark.parametrize("depth", [10, 60, 120, 200, 255, 300, 400, 600, 900, 990])
@pytest.mark.parametrize("task", ["primes.sum", "no.such"])
def test_nesting_of_any_depth_is_a_client_error(
    api: Flask, admin: redis.Redis, visitor: Visitor, depth: int, task: str
) -> None:
    """Between what is read easily and what can't be read at all,
    no layer answers with its own limit as a 5xx."""
    before = keys_of(admin)
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
        value = opening * depth + b"1" + closing * depth
        answer = send(
            api, visitor, b'{"task": "%s", "arguments": {"limit": %s}}' % (task.encode(), value)
        )
        assert answer.status_code in (400, 404, 422), answer.data[:500]
        assert answer.mimetype == "application/problem+json"
    assert keys_of(admin) == before


@pytest.mark.parametrize("declared", [True, False])
def test_body_over_the_limit_is_413(
    api: Flask, admin: redis.Redis, visitor: Visitor, declared: bool
) -> None:
    """20 MB, with an honest length, or in chunks that a server hands on without one."""
    before = keys_of(admin)
    length = (
        {"CONTENT_LENGTH": "20000012"}
        if declared
        else {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}
    )
    body = BytesIO(b'{"task": "' + b"a" * 20_000_000 + b'"}')
    environ = {"wsgi.input": body, "wsgi.input_terminated": True, **length}
    answer = ask(
        api,
        "/api/jobs",
        method="POST",
        cookie=visitor.cookie,
        environ_overrides=environ,
        content_type="application/json",
    )
    check_problem(answer, 413, "request_entity_too_large")
    assert keys_of(admin) == before


def test_body_just_under_the_limit_is_read(api: Flask, visitor: Visitor, api_settings: Any) -> None:
    """The limit is the setting's."""
    frame = len(b'{"task": ""}')
    body = b'{"task": "' + b"a" * (api_settings.max_body_bytes - frame) + b'"}'
    check_problem(send(api, visitor, body), 422, "invalid_arguments")
