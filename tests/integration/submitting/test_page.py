"""docs/submitting-from-django.md: every block of Python is loaded and run."""

import json
import re
import sys
from collections.abc import Callable
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib import admin
from django.test import Client, RequestFactory, override_settings

from django_site.submitting.asking import ask
from flask_api.testing import running_api
from shared.http.beside import offer_api, withdraw_api
from shared.settings import ROOT, ApiSettings
from tests.waiting import wait_until

if TYPE_CHECKING:
    from django_site.accounts.models import User

BLOCK = re.compile(r"```python\n# ([a-z_]+\.py)\n(.*?)```", re.DOTALL)
MODULES = ("flask_api.tasks.primes", "bookshop_tasks", "django_site.tasks_backend.job")
PAGE = (ROOT / "docs/submitting-from-django.md").read_text()


def block(name: str) -> CodeType:
    """Return the page's block of this file name."""
    return compile(dict(BLOCK.findall(PAGE))[name], name, "exec")


def load(name: str) -> ModuleType:
    """Return it as a module."""
    module = ModuleType(name.removesuffix(".py"))
    exec(block(name), vars(module))
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
    said = json.loads(answers[1].content)
    assert (answers[1].status_code, list(said["fields"])) == (422, ["limit"])
    unknown = ModuleType("reports")
    exec(dict(BLOCK.findall(PAGE))["reports.py"].replace("primes.sum", "no.such"), vars(unknown))
    answer = unknown.start(request)
    said = json.loads(answer.content)
    assert (answer.status_code, said["fields"]) == (404, {})
    assert "task" in said["problem"]


def run_settings(person: "User") -> None:
    """The app is the one that our own site has."""
    from django.apps import apps

    names: dict[str, Any] = {"INSTALLED_APPS": []}
    exec(block("settings.py"), names)
    assert all(map(apps.is_installed, names["INSTALLED_APPS"]))


def run_admin(person: "User") -> None:
    """Staff choose rows, and the job is theirs."""
    action = load("admin.py").check_isbns
    person.is_staff = person.is_superuser = True
    person.save()
    browser = Client()
    browser.force_login(person)
    admin.site.add_action(action)
    try:
        chosen = {"action": "check_isbns", "_selected_action": [person.pk]}
        page = browser.post("/admin/accounts/user/", chosen, follow=True).content.decode()
    finally:
        admin.site.disable_action("check_isbns")
    (job,) = ask(str(person.pk), "GET", "/jobs")["jobs"]
    assert f"Job {job['id']} checks 1 of them" in page
    assert job["arguments"] == {"isbns": [str(person)]}


def run_tasks(person: "User") -> None:
    """The task runs for the account of the settings."""
    from django_site.accounts.models import User

    settings = load("tasks_settings.py").TASKS
    User.objects.create_user(settings["default"]["OPTIONS"]["USERNAME"])
    with override_settings(TASKS=settings):
        module = load("shop_tasks.py")
        module.send_receipt.func.__module__ = module.__name__
        sys.modules[module.__name__] = module
        result = module.send_receipt.enqueue(17)

        def has_finished() -> bool:
            result.refresh()
            return bool(result.is_finished)

        wait_until(has_finished, timeout_s=20)
        assert result.return_value == "receipt of order 17"
        del sys.modules[module.__name__]


RUNS: dict[str, Callable[["User"], None]] = {
    "reports.py": run_reports,
    "settings.py": run_settings,
    "admin.py": run_admin,
    "tasks_settings.py": lambda person: None,  # by the next one
    "shop_tasks.py": run_tasks,
}


@pytest.mark.parametrize("name", re.findall(r"```python\n# (\S+)", PAGE))
def test_block_of_the_page_does_what_it_says(
    api_settings: ApiSettings, person: "User", name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each block has a run here, and each run a block."""
    monkeypatch.syspath_prepend(ROOT / "examples/own_service")
    with running_api(api_settings, task_modules=MODULES) as api:
        offer_api(api)
        try:
            RUNS[name](person)
        finally:
            withdraw_api(api)


def test_every_block_is_run() -> None:
    """No block is without a name."""
    assert PAGE.count("```python") == len(BLOCK.findall(PAGE)) == len(RUNS)
