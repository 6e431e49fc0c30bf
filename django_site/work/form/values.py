"""Between what is typed into a form and a task's arguments, both ways.

The API judges: what is no number where one is asked for is sent as the text that was typed, and its
word on it is shown at the field. Nothing is guessed, and nothing that was typed is dropped.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from django_site.work.form.fields import JOIN, Field
from shared.strict_json import finite, members_once, refuse_constant

# What stands in a form for "this group is given" and "these files are uploaded already".
GIVEN = "given"
UPLOADED = "uploaded"

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?", re.ASCII)
_LONGEST_NUMBER = 400
_ABSENT = object()


class NotInForm(Exception):
    """Arguments that the form's fields can't hold as they are: show them as JSON."""


def fill(fields: Iterable[Field], arguments: Mapping[str, Any] | None = None) -> None:
    """Put defaults, or earlier arguments, into the fields. Raises NotInForm."""
    fields = list(fields)
    known = {field.code_name for field in fields}
    if arguments is not None and not set(arguments) <= known:
        raise NotInForm
    for field in fields:
        if arguments is not None and field.code_name in arguments:
            _put(field, arguments[field.code_name])
        elif field.has_default:
            _put_default(field)
        elif field.kind == "group":
            field.is_on = field.is_required
            fill(field.fields)


def take(fields: Iterable[Field], sent: QueryDict) -> None:
    """Put what was typed into the fields."""
    for field in fields:
        if field.kind == "group":
            field.is_on = field.is_required or f"{field.name}{JOIN}{GIVEN}" in sent
            take(field.fields, sent)
        elif field.kind in ("file", "files"):
            field.uploads = [
                {"id": each} for each in sent.getlist(f"{field.name}{JOIN}{UPLOADED}") if each
            ]
        else:
            # A browser sends an area's line breaks as CR LF.
            field.text = sent.get(field.name, "").replace("\r\n", "\n")
            field.is_on = field.name in sent


def arguments_of(fields: Iterable[Field]) -> dict[str, Any]:
    """Return the arguments that the fields say; what is left empty is left out."""
    said = {field.code_name: (field, _value(field)) for field in fields}
    return {
        name: None if value is _ABSENT else value
        for name, (field, value) in said.items()
        if value is not _ABSENT or field.else_null
    }


def check_json(fields: Iterable[Field]) -> bool:
    """Tell whether all fields for JSON hold some; say so at those that don't."""
    is_good = True
    for field in fields:
        if field.kind == "group" and field.is_on:
            is_good &= check_json(field.fields)
        elif field.kind == "json" and field.text.strip():
            try:
                read_json(field.text)
            except (ValueError, RecursionError) as error:
                field.errors.append(_("This is not JSON: %(reason)s") % {"reason": error})
                is_good = False
    return is_good


def read_json(text: str) -> Any:
    """Return the value that a person typed as JSON, as strictly as the API reads it; raises
    ValueError for what is none."""
    return json.loads(
        text, object_pairs_hook=members_once, parse_constant=refuse_constant, parse_float=finite
    )


def json_text(value: Any) -> str:
    """Return a value as a person reads and changes it."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def show_errors(fields: Sequence[Field], errors: Iterable[Mapping[str, str]]) -> list[str]:
    """Put the API's words at the fields that they are about; return the others'."""
    others = []
    for error in errors:
        pointer = str(error.get("pointer", ""))
        # "; accepted: {...}" repeats the schema, for programs.
        detail = str(error.get("detail", "")).partition("; accepted: {")[0]
        field = _field_at(fields, pointer)
        if field is None:
            place = pointer.removeprefix("/arguments").strip("/")
            others.append(f"{place}: {detail}" if place else detail)
            continue
        within = pointer[len(field.pointer) :].strip("/")
        field.errors.append(f"{_place_in(field, within)}{detail}")
    return others


def _place_in(field: Field, within: str) -> str:
    if field.kind in ("lines", "files") and within.isdigit():
        words = _("Entry %(number)s: ") if field.kind == "lines" else _("File %(number)s: ")
        return words % {"number": int(within) + 1}
    return f"{within}: " if within else ""


def _field_at(fields: Sequence[Field], pointer: str) -> Field | None:
    for field in fields:
        if pointer == field.pointer or pointer.startswith(f"{field.pointer}/"):
            return (_field_at(field.fields, pointer) or field) if field.fields else field
    return None


def _value(field: Field) -> Any:
    if field.kind == "group":
        return arguments_of(field.fields) if field.is_on else _ABSENT
    if field.kind == "flag":
        return field.is_on
    if field.kind == "file":
        return field.uploads[-1]["id"] if field.uploads else _ABSENT
    if field.kind == "files":
        ids = [each["id"] for each in field.uploads]
        return ids if ids or field.is_required else _ABSENT
    if field.kind == "choice":
        chosen = [each.value for each in field.choices if each.key == field.text]
        return chosen[0] if chosen else _ABSENT
    if field.kind == "lines" and field.item is not None:
        lines = [_scalar(field.item, line) for line in field.text.split("\n") if line.strip()]
        return lines if lines or field.is_required or _says_more_than_nothing(field) else _ABSENT
    return _ABSENT if field.text == "" and _may_be_left_out(field) else _scalar(field, field.text)


def _says_more_than_nothing(field: Field) -> bool:
    """Tell whether leaving a list empty must be said: the default would fill it again."""
    return bool(field.has_default and field.default)


def _may_be_left_out(field: Field) -> bool:
    """Tell whether an empty field says nothing. An empty text may be meant, where the default is
    another one."""
    if field.kind != "text":
        return True
    return not field.is_required and (field.may_be_null or not field.default)


def _scalar(field: Field, text: str) -> Any:
    if field.kind == "number":
        plain = text.strip()
        if len(plain) >= _LONGEST_NUMBER or not _NUMBER.fullmatch(plain):
            return text
        number = json.loads(plain)
        return text if number in (math.inf, -math.inf) else number
    if field.kind == "moment":
        return f"{text}Z"
    if field.kind == "json":
        try:
            return read_json(text)
        except (ValueError, RecursionError):
            return text
    return text


def _put_default(field: Field) -> None:
    """Put the default into a field; one that doesn't fit leaves it empty, which says the same."""
    try:
        _put(field, field.default)
    except NotInForm:
        field.text, field.uploads, field.has_default = "", [], False


def _put(field: Field, value: Any) -> None:
    """Put a value into a field. Raises NotInForm for one that would not come out as it is."""
    if field.kind == "group":
        field.is_on = field.is_required or value is not None
        if value is not None and not isinstance(value, Mapping):
            raise NotInForm
        fill(field.fields, value)
        return
    if value is None and not field.is_required:
        if field.has_default and field.default is not None and not field.else_null:
            raise NotInForm  # an empty field means the default
        return
    _put_scalar(field, value)
    if field.kind in ("json", "moment"):
        return
    said = _value(field)
    if said is _ABSENT and field.has_default:
        said = field.default
    if said is _ABSENT or said != value:
        raise NotInForm


def _put_scalar(field: Field, value: Any) -> None:
    if field.kind in ("file", "files"):
        ids = value if isinstance(value, list) else [value]
        field.uploads = [{"id": str(each)} for each in ids]
    elif field.kind == "choice":
        matching = [
            each.key
            for each in field.choices
            if each.value == value and type(each.value) is type(value)
        ]
        field.text = matching[0] if matching else ""
    elif field.kind == "flag":
        field.is_on = value is True
    elif field.kind == "lines":
        field.text = "\n".join(_as_text(each) for each in value) if isinstance(value, list) else ""
    elif field.kind == "json":
        field.text = json_text(value)
    elif field.kind == "moment":
        field.text = str(value).removesuffix("Z").removesuffix("+00:00")
        # of another zone or none, or finer than a browser's
        if field.text == value or _MOMENT.fullmatch(field.text) is None:
            raise NotInForm
    else:
        field.text = _as_text(value)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
