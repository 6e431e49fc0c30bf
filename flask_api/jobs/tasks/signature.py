"""What tells whether two machines mean the same by a task: a short digest of its arguments' schema
and of the version that it declares.

Words that only people read are left out, and defaults: whoever accepts a job fills them in.
"""

import hashlib
import json
from typing import Any

from flask_api.jobs.tasks.registry import AnyTask

LENGTH = 12  # hex digits: two versions of one task are to differ, nobody is to be kept from forging
_LEFT_OUT = frozenset({"title", "description", "examples", "default"})
_VALUES = frozenset({"const", "enum"})  # what an argument may be: no schema, whatever it looks like
_OF_NAMES = frozenset({"properties", "$defs"})  # their members are names: one may be "title"


def signature_of(task: AnyTask) -> str:
    """Return a task's signature: the same in every process that takes the same arguments, and
    declares the same version."""
    told = [_bare(task.arguments_schema), task.policy.version]
    text = json.dumps(told, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]


def _bare(schema: Any) -> Any:
    """Return a schema without what takes or refuses no argument."""
    if isinstance(schema, list):
        return [_bare(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: _bare_member(key, value) for key, value in schema.items() if key not in _LEFT_OUT}


def _bare_member(key: str, value: Any) -> Any:
    if key in _OF_NAMES and isinstance(value, dict):
        return {name: _bare(each) for name, each in value.items()}
    if key in _VALUES:
        return value
    if key == "required" and isinstance(value, list):  # in the order of parameters, which are
        return sorted(value, key=str)  # passed by name; a task may have written something else
    return _bare(value)
