"""The registry: collected from modules, one task per name."""

import asyncio
import functools
import json
import re
import sys
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

from flask_api.jobs.errors import UnknownTask
from flask_api.jobs.tasks.input_file import InputFile
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


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (
            "async def run(number: int) -> int: ...",
            "it is async: a task is a plain function, which may call asyncio.run",
        ),
        ("async def run():\n    yield 1", "it is async: "),
        (
            "def run(number: int = 'a') -> None: ...",
            "parameter number has a default that it does not accept: Input should be a valid int",
        ),
        (
            "def run(*, times: Annotated[int, Field(le=3)] = 4) -> None: ...",
            "parameter times has a default that it does not accept: Input should be less than or",
        ),
        ("def run(*, thing: Any = Thing()) -> None: ...", "a default can't be JSON: Unable to ser"),
        ("def run(thing: Thing) -> None: ...", "parameter thing is annotated <class "),
        ("def run() -> Thing: ...", "its result is annotated <class "),
    ],
)
def test_function_that_would_fail_as_every_job_is_refused_at_the_start(
    function: str, said: str, modules: Path
) -> None:
    """The line says what is wrong with the task, and stands where it is written."""
    (modules / "tasks_broken.py").write_text(
        "from typing import Annotated, Any\nfrom pydantic import Field\n"
        "from flask_api.jobs.tasks.task import task\nclass Thing: ...\n"
        f"@task('own.name')\n{function}\n"
    )
    with pytest.raises(ConfigurationError) as caught:
        load_tasks(["tasks_broken"])
    assert f"tasks_broken can't be imported: task own.name: {said}" in str(caught.value)
    assert str(caught.value).endswith("tasks_broken.py, line 5)")


def test_policy_that_can_not_be_is_named_with_the_line_of_the_task(modules: Path) -> None:
    """And not with one of the code that a dataclass is made of."""
    (modules / "tasks_broken.py").write_text(
        "from flask_api.jobs.tasks.task import task\n\n"
        "@task('own.name', timeout_s=-1)\ndef run() -> None: ...\n"
    )
    with pytest.raises(ConfigurationError, match=r"tasks_broken\.py, line 3\)$"):
        load_tasks(["tasks_broken"])


def test_defaults_of_every_kind_are_taken() -> None:
    """What a parameter accepts as JSON may be its default."""

    class Colour(StrEnum):
        RED = "red"

    @task("own.defaults")
    def run(
        when: datetime = datetime(2026, 1, 1, tzinfo=UTC),
        names: frozenset[str] = frozenset(),
        pair: tuple[int, str] = (1, "a"),
        colour: Colour = Colour.RED,
        ratio: float = 1,
        limit: int = Field(3, le=5),
        file: InputFile | None = None,
    ) -> None: ...

    assert json.loads(run.check({}))["limit"] == 3


def test_async_function_behind_a_plain_one_is_taken() -> None:
    """A decorator that runs it, and says by functools.wraps what it decorates, makes it plain."""

    def run_async(function: Callable[[int], Coroutine[Any, Any, int]]) -> Callable[[int], int]:
        @functools.wraps(function)
        def run(number: int) -> int:
            return asyncio.run(function(number))

        return run

    @task("own.run_async")
    @run_async
    async def number(number: int) -> int:
        return number

    assert json.loads(number.check({"number": 3})) == {"number": 3}
    assert number(3) == 3
