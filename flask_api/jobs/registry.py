"""Which tasks exist: collected from modules, without a global list that importing changes."""

import importlib
import traceback
from collections.abc import Iterable, Iterator

from flask_api.jobs.errors import UnknownTask
from flask_api.jobs.task import Task
from shared.errors import ConfigurationError

AnyTask = Task[..., object]


class TaskRegistry:
    """The tasks of one application, by name. Two with one name are refused."""

    def __init__(self, tasks: Iterable[AnyTask]) -> None:
        self._tasks: dict[str, AnyTask] = {}
        for task in tasks:
            if self._tasks.setdefault(task.name, task) is not task:
                raise ConfigurationError(f"two tasks are named {task.name}: rename one")

    def __iter__(self) -> Iterator[AnyTask]:
        return iter(sorted(self._tasks.values(), key=lambda task: task.name))

    def __contains__(self, name: object) -> bool:
        return name in self._tasks

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
        except Exception as error:  # whatever a module does while it is imported
            raise ConfigurationError(f"GATEHOUSE_TASK_MODULES: {name} can't be imported: {_where(error)}") from error
        found = [value for value in vars(module).values() if isinstance(value, Task)]
        if not found:
            raise ConfigurationError(f"GATEHOUSE_TASK_MODULES: {name} defines no task")
        tasks.extend(found)
    return TaskRegistry(tasks)


def _where(error: Exception) -> str:
    """Say what went wrong, and in which line if the module was found at all."""
    if isinstance(error, SyntaxError):
        return f"{error.msg} ({error.filename}, line {error.lineno})"
    said = str(error) if isinstance(error, ImportError) else f"{type(error).__name__}: {error}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not frame.filename.startswith("<frozen ") and "importlib" not in frame.filename]
    return f"{said} ({own[-1].filename}, line {own[-1].lineno})" if len(own) > 1 else said
