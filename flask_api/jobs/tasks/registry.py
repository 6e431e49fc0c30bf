"""Which tasks exist: collected from modules, without a global list that importing changes."""

import importlib
import inspect
import sysconfig
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path

from flask_api.jobs.errors import UnknownTask
from flask_api.jobs.tasks.task import Task
from shared.errors import ConfigurationError

AnyTask = Task[..., object]

_IMPORTING = (str(Path(importlib.__file__).parent), str(Path(__file__).parent), "<frozen ")
_LIBRARIES = (sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"))


class TaskRegistry:
    """The tasks of one application, by name. Two with one name are refused."""

    def __init__(self, tasks: Iterable[AnyTask]) -> None:
        self._tasks: dict[str, AnyTask] = {}
        for task in tasks:
            first = self._tasks.setdefault(task.name, task)
            if first is not task:
                places = f"{_place(first)} and {_place(task)}"
                raise ConfigurationError(
                    f"two tasks are named {task.name}, in {places}: rename one"
                )

    def __iter__(self) -> Iterator[AnyTask]:
        return iter(sorted(self._tasks.values(), key=lambda task: task.name))

    def __contains__(self, name: object) -> bool:
        return name in self._tasks

    @property
    def running_limits(self) -> dict[str, int]:
        """How many attempts of a task run at once, of those for which that is bounded."""
        return {task.name: task.policy.max_running for task in self if task.policy.max_running}

    def get(self, name: str) -> AnyTask:
        """Return the task with this name, or raise UnknownTask."""
        try:
            return self._tasks[name]
        except KeyError:
            accepted = ", ".join(task.name for task in self)
            raise UnknownTask(f"There is no task of this name; there are: {accepted}.") from None


def load_tasks(modules: Iterable[str]) -> TaskRegistry:
    """Import the modules and collect the tasks defined at their top level.

    Raises ConfigurationError that names the module, when one can't be imported or defines no task.
    """
    tasks: list[AnyTask] = []
    for name in modules:
        try:
            module = importlib.import_module(name)
        except (Exception, SystemExit) as error:  # whatever a module does while it is imported
            raise ConfigurationError(
                f"GATEHOUSE_TASK_MODULES: {name} can't be imported: {_where(error)}"
            ) from error
        found = [value for value in vars(module).values() if isinstance(value, Task)]
        if not found:
            raise ConfigurationError(f"GATEHOUSE_TASK_MODULES: {name} defines no task")
        tasks.extend(found)
    return TaskRegistry(tasks)


def _place(task: AnyTask) -> str:
    code = getattr(inspect.unwrap(task.function), "__code__", None)  # a callable object has none
    return task.function.__module__ + (f" (line {code.co_firstlineno})" if code else "")


def _where(error: BaseException) -> str:
    """Say what went wrong, and in which line if the module was found at all."""
    if isinstance(error, SyntaxError):
        return f"{error.msg} ({error.filename}, line {error.lineno})"
    # these say it in words
    says_all = isinstance(error, ImportError | ConfigurationError)
    said = str(error) if says_all else f"{type(error).__name__}: {error}"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith((*_IMPORTING, "<string>"))  # a dataclass's own code
    ]
    # A line of a library helps nobody whose module is wrong:
    # they want to know which of theirs led there.
    theirs = [frame for frame in frames if not frame.filename.startswith(_LIBRARIES)] or frames[:1]
    return f"{said} ({theirs[-1].filename}, line {theirs[-1].lineno})" if theirs else said
