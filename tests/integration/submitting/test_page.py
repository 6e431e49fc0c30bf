"""docs/submitting-from-django.md: every block of Python is loaded and run."""

import json
import re
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from django.test import RequestFactory
from flask import Flask

from django_site.submitting.asking import ask
from shared.http.beside import offer_api, withdraw_api
from shared.settings import ROOT

if TYPE_CHECKING:
    from django_site.accounts.models import User

BLOCK = re.compile(r"```python\n# ([a-z_]+\.py)\n(.*?)```", re.DOTALL)
PAGE = (ROOT / "docs/submitting-from-django.md").read_text()


def load(name: str) -> ModuleType:
    """Return the page's block of this file name as a module."""
    module = ModuleType(name.removesuffix(".py"))
    exec(compile(dict(BLOCK.findall(PAGE))[name], name, "exec"), vars(module))
    return module


def run_reports(person: "User") -> None:
    """The view starts a job, and shows what is wrong at the field that it is wrong of."""
    start = load("reports.py").start
    answers: list[Any] = []
    for limit in ("100", "-1"):
        request = RequestFactory().post("/reports/", {"limit": limit})
        request.user = person
        answers.append(start(request))
    job = ask(str(person.pk), "GET", f"/jobs/{json.loads(answers[0].content)['job']}")
    assert job["arguments"]["limit"] == 100
    assert (answers[1].status_code, list(json.loads(answers[1].content))) == (422, ["limit"])


RUNS: dict[str, Callable[["User"], None]] = {"reports.py": run_reports}


@pytest.mark.parametrize("name", re.findall(r"```python\n# (\S+)", PAGE))
def test_block_of_the_page_does_what_it_says(api: Flask, person: "User", name: str) -> None:
    """Each block has a run here, and each run a block."""
    offer_api(api)
    try:
        RUNS[name](person)
    finally:
        withdraw_api(api)


def test_every_block_is_run() -> None:
    """No block is without a name."""
    assert PAGE.count("```python") == len(BLOCK.findall(PAGE)) == len(RUNS)
