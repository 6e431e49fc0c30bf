"""A call's task, by name or function, and its arguments, as a mapping or by name."""

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias, runtime_checkable


@runtime_checkable
class HasName(Protocol):
    """A function that ``@task`` made a task of."""

    @property
    def name(self) -> str:
        """The task's name."""


AnyTask: TypeAlias = str | HasName


def name_of(task: object) -> str:
    """Return the task's name. Raises TypeError for what is neither a name nor a task."""
    name = task if isinstance(task, str) else getattr(task, "name", None)
    if not isinstance(name, str):
        raise TypeError(
            f"{task!r} isn't a task: it must be a task's name or a function with @task on it"
        )
    return name


def arguments_of(
    arguments: Mapping[str, Any] | None, named: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Return the arguments of a call. Raises TypeError when they are given in both ways,
    or in neither."""
    if arguments is not None and named:
        raise TypeError(f"give arguments in one way: as a mapping, or by name ({', '.join(named)})")
    if not isinstance(arguments, Mapping | None):
        raise TypeError(
            f"arguments are a mapping, or each is given by its name: {arguments!r} is neither"
        )
    return named if arguments is None else arguments
