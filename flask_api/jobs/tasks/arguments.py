"""Check the arguments of many jobs of one task."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask_api.jobs.errors import ArgumentProblem, InvalidArguments
from flask_api.jobs.tasks.input_file import Resolver
from flask_api.jobs.tasks.registry import AnyTask
from flask_api.jobs.tasks.task import MAX_PROBLEMS


def check_all(
    task: AnyTask, arguments: Sequence[Mapping[str, Any]], *, inputs: Resolver
) -> list[str]:
    """Return each set of arguments as the JSON text that is stored. Raises InvalidArguments with
    the problems of the first sets that have some, whose pointers name the set.
    """
    checked, problems = [], []
    for number, each in enumerate(arguments):
        try:
            checked.append(task.check(each, inputs=inputs))
        except InvalidArguments as error:
            for problem in error.problems:
                pointer = problem.pointer.replace("/arguments", f"/arguments/{number}", 1)
                problems.append(ArgumentProblem(pointer=pointer, detail=problem.detail))
            if len(problems) >= MAX_PROBLEMS:
                break
    if problems:
        message = f"Some arguments of {task.name} are wrong; nothing was accepted."
        raise InvalidArguments(message, problems=problems[:MAX_PROBLEMS])
    return checked
