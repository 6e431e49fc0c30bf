"""The call of an operation for curl, Python (``gatehouse.Client``) and the command ``gatehouse``,
as the docs page shows it.

Python and command are templates that the view gives to ``describe``. This module fills them with
the examples of the schema; static/snippets.js does the same with what is typed, and a test in a
browser compares the two:

    {job_id}           a path parameter or a member of the body, as a literal
    {?status,task}     those of these that are given, as keyword arguments or options
    {?wait:timeout_s}  the same under another name
    {&priority}        the same after other arguments
    {arguments=}       the members of an object, as NAME=VALUE for the command

What is given and has no place in a template is named in a comment:
it would be dropped without a word.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from textwrap import indent
from typing import Any
from urllib.parse import quote

from flask_api.openapi.examples import example_of
from flask_api.openapi.reading import DocumentedOperation
from flask_api.operation.describe import JSON, Operation

Given = Mapping[str, Any]  # values by name; JSON values of a body

FILE = "file.csv"
_SLOT = re.compile(r"\{([?&]?)([\w:,-]+)(=?)\}")
_SAFE = re.compile(r"[\w@%+=:,./-]+", re.ASCII)
# What the command would read as something else than the text that it is.
_NO_WORD = re.compile(
    r"[@\[{\"\s].*|-?[0-9.]+([eE][-+]?[0-9]+)?|true|false|yes|no|on|off|null|",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snippets:
    """How to make one call; a template and what it gives are empty where there is no such call."""

    curl: str
    python_template: str
    python: str
    command_template: str
    command: str


def snippets_of(operation: DocumentedOperation, said: Operation, api_prefix: str) -> Snippets:
    """Return the call with the examples; ``said`` has its templates. ``api_prefix``:
    where the API is below the service's address."""
    given = examples_of(operation)
    body = operation.examples[0].body if operation.examples else ""
    if body:
        given |= json.loads(body)
    elif operation.media_types:
        given["file"] = FILE
    has_client = api_prefix == "/api"  # the client knows no other place below its address
    python = _program(said.python) if has_client else ""
    command = said.command if has_client else ""
    return Snippets(
        curl=_curl(operation, api_prefix, body),
        python_template=python,
        python=_filled(python, given, _python_slot),
        command_template=command,
        command=_filled(command, given, _command_slot),
    )


def examples_of(operation: DocumentedOperation) -> dict[str, Any]:
    """Return a value for each parameter that has to be given."""
    return {
        each["name"]: example_of({}, each["schema"])
        for each in operation.parameters
        if each.get("required")
    }


def _curl(operation: DocumentedOperation, api_prefix: str, body: str) -> str:
    path = operation.path
    for name, value in examples_of(operation).items():
        path = path.replace(f"{{{name}}}", quote(str(value), safe=""))
    method = "" if operation.method == "GET" else f"-X {operation.method} "
    lines = [f'curl {method}"$GATEHOUSE_URL{api_prefix}{path}"']
    if not operation.is_open:
        lines.append('-H "Authorization: Bearer $GATEHOUSE_KEY"')
    if body:
        lines += [f"-H 'Content-Type: {JSON}'", f"--data-raw {quoted(body)}"]
    elif operation.media_types:
        lines += [
            "-H 'Content-Type: application/octet-stream'",
            f"--data-binary {_word('@' + FILE)}",
        ]
    return " \\\n  ".join(lines)


def filled_python(template: str, given: Given) -> str:
    """Return a call by gatehouse.Client with these values, as a whole program."""
    return _filled(_program(template), given, _python_slot)


def filled_command(template: str, given: Given) -> str:
    """Return a call by the command with these values."""
    return _filled(template, given, _command_slot)


def _program(statement: str) -> str:
    if not statement:
        return ""
    return f"import gatehouse\n\nwith gatehouse.Client() as client:\n{indent(statement, '    ')}"


def _filled(template: str, given: Given, slot: Callable[[str, str, bool, Given], str]) -> str:
    if not template:
        return ""
    used: set[str] = set()

    def fill(found: re.Match[str]) -> str:
        used.update(part.partition(":")[0] for part in found[2].split(","))
        return slot(found[1], found[2], bool(found[3]), given)

    text = _SLOT.sub(fill, template)
    if "\0" in text:  # an object that goes to stdin
        text, _, piped = text.partition("\0")
        piped, _, rest = piped.partition("\0")
        text = f"{printed(piped)} | {text}{rest}"
    left = [name for name in given if name not in used]
    return f"{text}\n# not in it: {', '.join(left)}" if left else text


def _python_slot(kind: str, names: str, _is_object: bool, given: Given) -> str:
    if not kind:
        return literal(given[names])
    words = ", ".join(f"{name}={literal(given[key])}" for key, name in _given(names, given))
    return f", {words}" if words and kind == "&" else words


def _command_slot(kind: str, names: str, is_object: bool, given: Given) -> str:
    if is_object:
        return _words(given[names])
    if not kind:
        return _word(_text(given[names]))
    return "".join(
        f" --{name.replace('_', '-')} {_word(_text(given[key]))}"
        for key, name in _given(names, given)
    )


def _given(names: str, given: Given) -> Iterator[tuple[str, str]]:
    """Yield (name, name in the call) of those that are given."""
    for part in names.split(","):
        key, _, name = part.partition(":")
        if key in given:
            yield key, name or key


def _words(members: Given) -> str:
    """Return NAME=VALUE for each, or one JSON object between NULs where a text would be read as
    something else."""
    if all(
        not isinstance(value, str) or not _NO_WORD.fullmatch(value) for value in members.values()
    ):
        return "".join(f" {_word(f'{name}={_text(value)}')}" for name, value in members.items())
    return f" @-\0{json.dumps(members, ensure_ascii=False)}\0"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _word(text: str) -> str:
    return text if _SAFE.fullmatch(text) else quoted(text)


def quoted(text: str) -> str:
    """Return a text as a word of a shell."""
    return "'" + text.replace("'", "'\\''") + "'"


def printed(text: str) -> str:
    """Return a command that prints a text as it is: echo reads escapes in it, in zsh and dash."""
    return f"printf '%s\\n' {quoted(text)}"


def literal(value: Any) -> str:
    """Return a JSON value as Python has it."""
    words = {"true": "True", "false": "False", "null": "None"}
    text = json.dumps(value, ensure_ascii=False)
    return re.sub(
        r'"(?:[^"\\]|\\.)*"|true|false|null', lambda found: words.get(found[0], found[0]), text
    )
