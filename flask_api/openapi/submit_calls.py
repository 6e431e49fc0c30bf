"""How a job with given arguments is submitted: by curl, gatehouse.Client, gatehouse.Executor, and
the command ``gatehouse``.

Signs that a screen acts on, or that turn text around, stand as escapes in every call: who copies
one gets what they see.
"""

import json
import keyword
import re
from collections.abc import Mapping
from typing import Any

from flask_api.openapi.snippets import (
    filled_command,
    filled_python,
    literal,
    printed,
    quoted,
)
from flask_api.operation.describe import JSON, Operation
from shared.hidden_signs import HIDDEN

_HIDDEN = re.compile(rf"[\t{HIDDEN}]")  # a tab, too: a shell would complete a word


def submit_calls(
    submit: Operation | None, task: str, arguments: Mapping[str, Any], *, api_prefix: str
) -> dict[str, str]:
    """Return the calls by their names; ``submit`` has the templates. Where the client would not
    find the API, below another prefix, there is only curl's."""
    given = {"task": task, "arguments": arguments}
    has_client = api_prefix == "/api" and submit is not None
    calls = {
        "curl": _curl(given, api_prefix),
        "python": filled_python(submit.python, given) if has_client and submit else "",
        "executor": _executor(task, arguments) if has_client else "",
        "command": _command(submit.command, given) if has_client and submit else "",
    }
    return {name: _seen(call) for name, call in calls.items()}


def _curl(given: Mapping[str, Any], api_prefix: str) -> str:
    lines = [
        f'curl -X POST "$GATEHOUSE_URL{api_prefix}/jobs"',
        '-H "Authorization: Bearer $GATEHOUSE_KEY"',
        f"-H 'Content-Type: {JSON}'",
        f"--data-raw {quoted(json.dumps(given, ensure_ascii=False))}",
    ]
    return " \\\n  ".join(lines)


def _command(template: str, given: Mapping[str, Any]) -> str:
    texts = [each for each in given["arguments"].values() if isinstance(each, str)]
    if any(_HIDDEN.search(text) for text in texts):
        # as words of a shell they could not be escaped
        piped = printed(json.dumps(given["arguments"]))
        return f"{piped} | gatehouse submit {given['task']} @-"
    return filled_command(template, given)


def _executor(task: str, arguments: Mapping[str, Any]) -> str:
    are_words = all(name.isidentifier() and not keyword.iskeyword(name) for name in arguments)
    words = (
        "".join(f", {name}={literal(value)}" for name, value in arguments.items())
        if are_words
        else f", **{literal(arguments)}"
    )
    return (
        "import gatehouse\n\nwith gatehouse.Executor() as executor:\n"
        f"    print(executor.submit({literal(task)}{words}).result())"
    )


def _seen(call: str) -> str:
    """Return a call whose hidden signs are escapes: all stand in texts of JSON or Python, where
    both mean the same."""
    return _HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", call)
