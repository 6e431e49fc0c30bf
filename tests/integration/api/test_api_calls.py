"""The calls that the API writes for given arguments say what was given, to whoever reads them."""

import ast
import json
import shlex
import subprocess
from typing import Any

import pytest
from flask import Flask

from tests.integration.gate.gate_bench import Visitor, ask, new_visitor

pytestmark = pytest.mark.usefixtures("site")

HIDDEN = "a\x1b[31m\u202eb"


@pytest.fixture
def visitor(site: None) -> Visitor:
    """Somebody who is logged in."""
    return new_visitor()


def calls(api: Flask, visitor: Visitor, **arguments: Any) -> dict[str, str]:
    """Return the calls that submit a job of primes.sum; nobody checks the arguments."""
    sent = {"task": "primes.sum", "arguments": arguments}
    answer = ask(api, "/api/calls", method="POST", cookie=visitor.cookie, json=sent)
    assert answer.status_code == 200, answer.text
    found: dict[str, str] = answer.get_json()
    return found


@pytest.mark.parametrize("value", ["plain", "it's", "12", "@home", HIDDEN, [1, None, True], 1.5])
def test_each_call_says_the_arguments_as_they_are(api: Flask, visitor: Visitor, value: Any) -> None:
    """Read by a shell, by JSON and by Python; no sign in them acts on a screen."""
    made = calls(api, visitor, value=value, count=2)
    body = shlex.split(made["curl"].replace("\\\n", ""))[-1]
    assert json.loads(body) == {"task": "primes.sum", "arguments": {"value": value, "count": 2}}
    for name in ("python", "executor"):
        texts = [
            ast.literal_eval(each)
            for each in ast.walk(ast.parse(made[name]))
            if isinstance(each, ast.Dict | ast.Constant | ast.List)
        ]
        assert value in texts or {"value": value, "count": 2} in texts, made[name]
    assert made["command"].partition("gatehouse submit primes.sum")[1]
    assert not any(sign in text for text in made.values() for sign in "\x1b\u202e")


@pytest.mark.parametrize("value", ["@a\nb", "@C:\\new\\table", "[\\u0041", HIDDEN + "\n\\t'"])
def test_command_gives_a_text_as_it_is_in_any_shell(
    api: Flask, visitor: Visitor, value: str
) -> None:
    """What goes through a pipe keeps its escapes: in dash, and in zsh, echo reads them."""
    command = calls(api, visitor, value=value, count=2)["command"]
    script = f"gatehouse() {{ cat; }}\n{command}\n"
    done = subprocess.run(["sh"], input=script, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {"value": value, "count": 2}


def test_name_that_is_no_word_of_python_is_given_as_a_dictionary(
    api: Flask, visitor: Visitor
) -> None:
    """A keyword would be no program."""
    made = calls(api, visitor, **{"class": 1})["executor"]
    assert 'executor.submit("primes.sum", **{"class": 1})' in made
    ast.parse(made)


def test_calls_of_what_is_not_there_are_refused(api: Flask, visitor: Visitor) -> None:
    """An unknown task is 404, a body of another form 422; nothing is submitted by any of it."""
    for body, status in (
        ({"task": "no.such"}, 404),
        ({"task": "primes.sum", "arguments": []}, 422),
        ({}, 422),
    ):
        answer = ask(api, "/api/calls", method="POST", cookie=visitor.cookie, json=body)
        assert answer.status_code == status
    calls(api, visitor, value=1)
    assert ask(api, "/api/jobs", cookie=visitor.cookie).get_json()["jobs"] == []
