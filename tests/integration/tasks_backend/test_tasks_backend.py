"""Django's tasks on the engine: by the interface that Django 6 has and django-tasks brings to 5.2."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.test import override_settings
from django.utils import timezone

from django_site.submitting import SubmitRefused
from django_site.submitting.asking import ask
from flask_api.testing import running_api
from shared.http.beside import offer_api, withdraw_api
from shared.job_ids import new_job_id
from shared.settings import ApiSettings
from tests.security.stores.second_database import PEOPLE, database
from tests.waiting import wait_until

if TYPE_CHECKING:
    from django_site.accounts.models import User

BACKEND = "django_site.tasks_backend.backend.GatehouseBackend"
SHOP = "tests.integration.tasks_backend.shop_tasks"
OPTIONS: dict[str, Any] = {"default": {}, "kept": {"OUTBOX": True}, "elsewhere": {"USING": PEOPLE}}


@pytest.fixture
def runner(new_person: "Callable[..., User]") -> "User":
    """The account whose jobs the tasks are."""
    return new_person()


@pytest.fixture
def shop(api_settings: ApiSettings, runner: "User", tmp_path: Any) -> Iterator[Any]:
    """The site's tasks, with an API that runs them."""
    tasks = {
        alias: {"BACKEND": BACKEND, "OPTIONS": {"USERNAME": runner.username, **options}}
        for alias, options in OPTIONS.items()
    }
    changes: dict[str, Any] = {"task_modules": ("django_site.tasks_backend.job",)}
    with (
        override_settings(TASKS=tasks),
        running_api(api_settings, job_files_url=f"file://{tmp_path}", **changes) as app,
    ):
        from tests.integration.tasks_backend import shop_tasks

        shop_tasks.SEEN.clear()
        shop_tasks.RELEASE.clear()
        offer_api(app)
        yield shop_tasks
        shop_tasks.RELEASE.set()
        withdraw_api(app)


def finished(result: Any) -> Any:
    """Wait for a task's end and return its result."""

    def has_finished() -> bool:
        result.refresh()
        return bool(result.is_finished)

    wait_until(has_finished, timeout_s=20)
    return result


def test_task_runs_with_its_arguments_on_the_sites_database(shop: Any, runner: "User") -> None:
    """Its result is what it returned; coroutines and context work as Django says."""
    from django_tasks import TaskResultStatus

    results = [
        shop.count_people.enqueue(runner.username, limit=5),
        shop.double.enqueue(21),
        shop.tell.enqueue("grüße"),
    ]
    assert {each.status for each in results} == {TaskResultStatus.READY}
    counted, doubled, told = map(finished, results)
    assert counted.return_value == {"people": 1}
    assert doubled.return_value == 42
    assert told.return_value == [told.id, 1, "grüße"]
    assert (told.attempts, told.errors) == (1, [])
    assert told.enqueued_at <= told.started_at <= told.finished_at
    assert shop.tell.get_result(told.id).args == ["grüße"]


def test_error_of_a_task_is_its_result(shop: Any) -> None:
    """The exception's own class, and its traceback, which only the task's account and staff see."""
    failed = finished(shop.order.enqueue("9780306406157"))
    (error,) = failed.errors
    assert error.exception_class is shop.OutOfStock
    assert "shop_tasks.py" in error.traceback
    with pytest.raises(ValueError, match="failed"):
        _ = failed.return_value


def test_cancelled_task_has_failed(shop: Any, runner: "User") -> None:
    """Django's interface knows no other word."""
    later = shop.double.using(run_after=timezone.now() + timedelta(hours=1)).enqueue(1)
    ask(str(runner.pk), "POST", f"/jobs/{later.id}/cancel")
    finished(later)
    assert [error.exception_class.__name__ for error in later.errors] == ["CancelledError"]
    assert later.attempts == 0


def test_priority_and_run_after_are_the_jobs(shop: Any, runner: "User") -> None:
    """What Django's numbers become."""
    at = timezone.now() + timedelta(hours=1)
    for priority, word in ((-100, "low"), (0, "normal"), (7, "high")):
        result = shop.double.using(priority=priority, run_after=at).enqueue(1)
        job = ask(str(runner.pk), "GET", f"/jobs/{result.id}")
        assert job["priority"] == word
        assert job["start_at"] == at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        ask(str(runner.pk), "POST", f"/jobs/{result.id}/cancel")


@pytest.fixture
def _second(site: None, tmp_path: Path) -> Iterator[None]:
    with database(PEOPLE, tmp_path / "second.sqlite3", copy_of="default"):
        yield


@pytest.mark.usefixtures("_second")
@pytest.mark.parametrize("alias", OPTIONS)
def test_task_that_is_enqueued_in_a_transaction_runs_after_it(shop: Any, alias: str) -> None:
    """It sees what was committed; what is rolled back enqueues nothing."""
    from django_tasks.exceptions import TaskResultDoesNotExist

    tell, using = shop.tell.using(backend=alias), OPTIONS[alias].get("USING", "default")
    with transaction.atomic(using=using):
        result = tell.enqueue("committed")
        with pytest.raises(TaskResultDoesNotExist):
            result.refresh()
    with transaction.atomic(using=using):
        given_up = tell.enqueue("rolled back")
        transaction.set_rollback(True, using=using)
    finished(result)
    assert shop.SEEN == ["committed"]
    with pytest.raises(TaskResultDoesNotExist):
        given_up.refresh()


def test_unknown_results_do_not_exist(shop: Any, person: "User", runner: "User") -> None:
    """Nor do jobs that are none of this backend's, nor what is no id."""
    from django_tasks import default_task_backend
    from django_tasks.exceptions import TaskResultDoesNotExist, TaskResultMismatch

    kept = shop.double.using(backend="kept").enqueue(1)
    for id_ in (new_job_id(), "no-id", f"../jobs/{kept.id}", kept.id):
        with pytest.raises(TaskResultDoesNotExist):
            default_task_backend.get_result(id_)
    with pytest.raises(TaskResultMismatch):
        shop.tell.get_result(finished(shop.double.enqueue(1)).id)


def test_result_that_is_refused_is_not_unknown(shop: Any, runner: "User") -> None:
    """The account may not ask: nothing is known of whether there is such a task."""
    result = shop.double.enqueue(1)
    runner.is_active = False
    runner.save()
    with pytest.raises(SubmitRefused) as refused:
        result.refresh()
    assert refused.value.status in (401, 403)


def test_what_json_can_not_hold_is_refused(shop: Any) -> None:
    """As Django's interface says, before anything is sent."""
    with pytest.raises(TypeError):
        shop.double.enqueue(object())
    with pytest.raises(ValueError, match="JSON"):
        shop.double.enqueue(float("nan"))


def test_nobody_but_the_site_chooses_what_is_called(shop: Any, person: "User") -> None:
    """Forged, of another job, or of what is no task: the job fails, and nothing is called."""
    from django_site.tasks_backend.call import JOB_TASK, TaskCall

    told = finished(shop.tell.enqueue("once"))
    signed = ask_arguments(told)
    call = TaskCall(path=f"{SHOP}.no_task", backend="default", args=["twice"], kwargs={})
    own_id = new_job_id()
    for arguments, job_id, why in (
        (signed, "", "did not sign"),
        ({**signed, "args": ["other"]}, told.id, "not this person's"),
        ({**signed, "signature": ""}, "", "did not sign"),
        (call.arguments(own_id), own_id, "is no task"),
    ):
        with pytest.raises(AssertionError, match=why):
            run_as(person, JOB_TASK, arguments, job_id)
    assert shop.SEEN == ["once"]


def ask_arguments(result: Any) -> dict[str, Any]:
    """Return the arguments of a task's job, as staff see them."""
    from django_site.tasks_backend.call import TaskCall

    call = TaskCall(path=f"{SHOP}.tell", backend="default", args=result.args, kwargs={})
    return call.arguments(result.id)


def run_as(person: "User", task: str, arguments: dict[str, Any], job_id: str) -> None:
    """Submit a job and assert that it succeeds."""
    from django_site.submitting.order import order_of
    from django_site.submitting.submission import submit_order

    order = order_of(task, arguments, user=person, job_id=job_id)
    try:
        submission = submit_order(order, user=person)
    except SubmitRefused as error:
        raise AssertionError(str(error)) from error
    target = f"/jobs/{submission.id}"
    ended = ("succeeded", "failed")
    wait_until(lambda: ask(str(person.pk), "GET", target)["status"] in ended, timeout_s=20)
    job = ask(str(person.pk), "GET", target)
    assert job["status"] == "succeeded", job["error"]["message"]


def test_check_names_the_missing_account() -> None:
    """Before the first task is enqueued."""
    from django_site.tasks_backend.backend import GatehouseBackend

    (found,) = GatehouseBackend("default", {"OPTIONS": {}}).check()
    assert "USERNAME" in found.msg


@pytest.mark.usefixtures("runner")
def test_account_that_is_not_there_is_named_by_the_check_and_by_enqueue() -> None:
    """A warning of ``manage.py check``: an error would keep the account from being made."""
    from django_site.tasks_backend.backend import GatehouseBackend

    tasks = {"default": {"BACKEND": BACKEND, "OPTIONS": {"USERNAME": "nobody-yet"}}}
    named = "TASKS['default']: OPTIONS USERNAME: there is no account 'nobody-yet'."
    (found,) = GatehouseBackend("default", tasks["default"]).check()
    assert (found.msg, found.level) == (named, checks.WARNING)
    with override_settings(TASKS=tasks):
        from tests.integration.tasks_backend import shop_tasks

        with pytest.raises(ImproperlyConfigured) as refused:
            shop_tasks.order.enqueue("9780000000000")
    assert str(refused.value) == named
