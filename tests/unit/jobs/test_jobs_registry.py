"""The registry: collected from modules, one task per name."""

import re
import sys
from pathlib import Path

import pytest

from flask_api.jobs.errors import UnknownTask
from flask_api.jobs.tasks.registry import TaskRegistry, load_tasks
from flask_api.jobs.tasks.task import Task, task
from shared.errors import ConfigurationError

MODULE = '''
from flask_api.jobs.tasks.task import task

@task("{name}")
def anything() -> None:
    """Do nothing."""
'''


def named(name: str) -> Task[..., object]:
    """Return a task with this name."""

    @task(name)
    def nothing() -> object:
        """Do nothing."""
        return None

    return nothing


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder from which modules can be imported for the time of one test."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    return tmp_path


def test_unknown_name_is_answered_with_the_existing_ones() -> None:
    """Who misspells a task reads which there are, sorted."""
    registry = TaskRegistry([named("b.two"), named("a.one")])
    with pytest.raises(UnknownTask, match=r"there are: a\.one, b\.two\."):
        registry.get("a.two")
    assert [each.name for each in registry] == ["a.one", "b.two"]
    assert registry.get("a.one").name == "a.one"


def test_two_tasks_of_one_name_are_refused() -> None:
    """Which of them would run must not depend on the order of imports;
    the same one twice is no conflict."""
    place = rf"{re.escape(__name__)} \(line \d+\)"
    with pytest.raises(
        ConfigurationError,
        match=rf"two tasks are named a\.one, in {place} and "
        rf"{place}: rename one",
    ):
        TaskRegistry([named("a.one"), named("a.one")])
    same = named("a.one")
    assert list(TaskRegistry([same, same])) == [same]


def test_tasks_are_collected_from_modules(modules: Path) -> None:
    """Every task at the top level counts, one imported from another listed module once."""
    (modules / "tasks_one.py").write_text(MODULE.format(name="one.task"))
    (modules / "tasks_two.py").write_text(
        "from tasks_one import anything\n" + MODULE.format(name="two.task")
    )
    (modules / "tasks_three.py").write_text("from tasks_one import anything\n")
    registry = load_tasks(["tasks_one", "tasks_two", "tasks_three"])
    assert [each.name for each in registry] == ["one.task", "two.task"]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (None, "can't be imported: No module named 'tasks_wrong'"),
        (
            "import a_module_that_there_is_not",
            "can't be imported: No module named 'a_module_that_there_is_not'",
        ),
        (
            "from flask_api.jobs.tasks.task import no_such_name",
            "can't be imported: cannot import name 'no_such_name'",
        ),
        ("", "defines no task"),
        ("number = 1", "defines no task"),
    ],
)
def test_wrong_module_is_named(source: str | None, said: str, modules: Path) -> None:
    """The start ends with the variable, the module and the reason."""
    if source is not None:
        (modules / "tasks_wrong.py").write_text(source)
    with pytest.raises(ConfigurationError) as caught:
        load_tasks(["flask_api.tasks.primes", "tasks_wrong"])
    assert f"GATEHOUSE_TASK_MODULES: tasks_wrong {said}" in caught.value.message


def test_two_tasks_of_one_name_are_both_named_by_module_and_line(modules: Path) -> None:
    """Who wrote neither of them finds both."""
    (modules / "tasks_one.py").write_text(MODULE.format(name="same.name"))
    (modules / "tasks_two.py").write_text("\n\n" + MODULE.format(name="same.name"))
    with pytest.raises(ConfigurationError) as caught:
        load_tasks(["tasks_one", "tasks_two"])
    assert (
        str(caught.value)
        == "two tasks are named same.name, in tasks_one (line 4) and tasks_two (line 6): rename one"
    )


BAD_FIELD = """
from typing import Annotated
from pydantic import Field
from flask_api.jobs.tasks.task import task

@task("own.bad")
def bad(number: Annotated[str, Field(ge=object())]) -> None:
    '''Do nothing.'''
"""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x = 1\ny = x / 0\n", 2),
        ("def broken(:\n", 1),
        ("x = 1\nif x:\nprint(x)\n", 3),  # IndentationError
        ("import not_there\n", 1),
        ("\nfrom flask_api.jobs.tasks.task import not_there\n", 2),
        # a script without its guard: the start must not just end well
        ("\n\nimport sys; sys.exit(0)\n", 3),
        # raised in our code, by a line of theirs
        ("\nfrom flask_api.jobs.tasks.task import task\n\ntask('Own.Name')\n", 4),
        (BAD_FIELD, 6),  # raised in a library, by a line of theirs
    ],
)
def test_module_that_fails_to_import_is_named_with_the_line(
    modules: Path, text: str, line: int
) -> None:
    """The start stops with the module, what went wrong, and where."""
    (modules / "tasks_broken.py").write_text(text)
    with pytest.raises(
        ConfigurationError,
        match=r"tasks_broken can't be imported: .+ "
        rf"\(.*tasks_broken\.py, line {line}\)",
    ):
        load_tasks(["tasks_broken"])


def test_module_that_a_task_module_imports_is_named_with_the_line(modules: Path) -> None:
    """The line to mend may be in another file than the one that is listed."""
    (modules / "tasks_outer.py").write_text("import tasks_inner\n")
    (modules / "tasks_inner.py").write_text("\nraise ValueError('no data file')\n")
    with pytest.raises(
        ConfigurationError,
        match=r"tasks_outer can't be imported: ValueError: no data file "
        r"\(.*tasks_inner\.py, line 2\)",
    ):
        load_tasks(["tasks_outer"])
