"""From the JSON Schema of a task's arguments to the fields of a form.

What no field fits (a list of objects, a choice between several shapes) becomes a field for JSON:
nothing is left out.
"""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from django_site.work.form.fields import JOIN, Choice, Field
from django_site.work.shown import number

Schema = Mapping[str, Any]

FILE = "x-gatehouse-file"
# A schema may refer to itself.
_DEEPEST = 4
_LONG_TEXT = 300
_FORMATS = {"date": "date", "time": "time", "date-time": "moment"}
_ACRONYMS = {"url": "URL", "urls": "URLs", "id": "ID", "ids": "IDs", "json": "JSON"}
# How a range is said: exactly, from to, at least, at most.
Ranges = tuple[str, str, str, str]
_NUMBERS: Ranges = (
    "%(low)s",
    gettext_noop("%(low)s to %(high)s"),
    gettext_noop("at least %(low)s"),
    gettext_noop("at most %(high)s"),
)
_CHARACTERS: Ranges = (
    gettext_noop("%(low)s characters"),
    gettext_noop("%(low)s to %(high)s characters"),
    gettext_noop("at least %(low)s characters"),
    gettext_noop("at most %(high)s characters"),
)
_ENTRIES: Ranges = (
    gettext_noop("%(low)s entries"),
    gettext_noop("%(low)s to %(high)s entries"),
    gettext_noop("at least %(low)s entries"),
    gettext_noop("at most %(high)s entries"),
)
_FILES: Ranges = (
    gettext_noop("%(low)s files"),
    gettext_noop("%(low)s to %(high)s files"),
    gettext_noop("at least %(low)s files"),
    gettext_noop("at most %(high)s files"),
)
_SCALARS = {"string": "text", "integer": "number", "number": "number"}


def fields_of(schema: Schema) -> list[Field]:
    """Return a field for each argument, in the order in which the task names them."""
    return _members(schema, schema.get("$defs", {}), prefix="", depth=0)


def _members(schema: Schema, defs: Schema, *, prefix: str, depth: int) -> list[Field]:
    required = schema.get("required", ())
    return [
        _field(name, member, defs, prefix=prefix, is_required=name in required, depth=depth)
        for name, member in schema.get("properties", {}).items()
    ]


def _field(
    name: str, schema: Schema, defs: Schema, *, prefix: str, is_required: bool, depth: int
) -> Field:
    shape, may_be_null = _shape(schema, defs)
    found = Field(
        name=f"{prefix}{name}",
        label=_label(name, shape),
        kind=_kind(shape, defs, depth),
        help=str(schema.get("description") or _own_words(shape)),
        is_required=is_required and not may_be_null,
        may_be_null=may_be_null,
        else_null=is_required and may_be_null,
        default=schema.get("default"),
        has_default="default" in schema,
    )
    _complete(found, shape, defs, depth)
    found.limits = _limits(found, shape)
    return found


def _shape(schema: Schema, defs: Schema) -> tuple[Schema, bool]:
    """Return what a value that is not null looks like, and whether it may be null."""
    for _depth in range(_DEEPEST):
        reference = schema.get("$ref")
        if reference is None:
            break
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        schema = {**defs.get(str(reference).rpartition("/")[2], {}), **rest}
    every: list[Schema] = schema.get("anyOf") or []
    others = [each for each in every if each.get("type") != "null"]
    if len(others) == 1 and len(others) < len(every):
        inner, _null = _shape(others[0], defs)
        titled = {key: schema[key] for key in ("title",) if key in schema}
        return {**inner, **titled}, True
    return schema, False


def _kind(shape: Schema, defs: Schema, depth: int) -> str:
    if shape.get(FILE):
        return "file"
    if "enum" in shape or "const" in shape:
        return "choice"
    kind = shape.get("type")
    if kind == "boolean":
        return "flag"
    if kind == "string":
        return _FORMATS.get(str(shape.get("format")), "text")
    if kind == "array":
        return _kind_of_list(shape, defs)
    if kind == "object" and depth < _DEEPEST and _is_plain_object(shape):
        return "group"
    return _SCALARS.get(str(kind), "json")


def _kind_of_list(shape: Schema, defs: Schema) -> str:
    item, may_be_null = _shape(shape.get("items", {}), defs)
    if item.get(FILE):
        return "files"
    is_line = item.get("type") in _SCALARS and not may_be_null and "prefixItems" not in shape
    return "lines" if is_line else "json"


def _is_plain_object(shape: Schema) -> bool:
    names: Schema = shape.get("properties") or {}
    return bool(names) and not any(JOIN in name for name in names)


def _complete(found: Field, shape: Schema, defs: Schema, depth: int) -> None:
    """Fill in what only a field of this kind has."""
    if found.kind == "flag" and found.may_be_null:
        # A box says yes or no, never 'not said'.
        found.kind = "choice"
        found.choices = [
            Choice(key="true", label=_("Yes"), value=True),
            Choice(key="false", label=_("No"), value=False),
        ]
    elif found.kind == "choice":
        values = shape.get("enum", [shape.get("const")])
        found.choices = [
            Choice(key=str(at), label=_shown(value), value=value) for at, value in enumerate(values)
        ]
    elif found.kind == "number":
        found.is_whole = shape["type"] == "integer"
        found.minimum, found.maximum = shape.get("minimum"), shape.get("maximum")
    elif found.kind == "text":
        is_address = shape.get("format") in ("uri", "url") or "://" in shape.get("pattern", "")
        found.input_mode = "url" if is_address else ""
        found.is_long = not is_address and _is_long(found, shape)
    elif found.kind == "lines":
        found.item = _field(
            "entry", shape.get("items", {}), defs, prefix="", is_required=True, depth=depth
        )
    elif found.kind == "group":
        found.fields = _members(shape, defs, prefix=f"{found.name}{JOIN}", depth=depth + 1)


def _is_long(found: Field, shape: Schema) -> bool:
    has_no_form = "pattern" not in shape and "format" not in shape
    may_be_long = shape.get("maxLength", 0) > _LONG_TEXT
    return "\n" in str(found.default or "") or (has_no_form and may_be_long)


def _label(name: str, shape: Schema) -> str:
    title = str(shape.get("title", ""))
    # pydantic makes a title of the name where the author gave none
    is_made = title.replace(" ", "").casefold() in ("", name.replace("_", "").casefold())
    if title and not is_made and shape.get("type") != "object":
        return title
    words = name.removesuffix("_s") if shape.get("type") == "number" else name
    label = " ".join(_ACRONYMS.get(word, word) for word in words.split("_")).strip()
    return f"{label[:1].upper()}{label[1:]}" + (" (s)" if words != name else "")


def _own_words(shape: Schema) -> str:
    """Return what a nested model says of itself: its docstring's first line."""
    return str(shape.get("description", "")).partition("\n")[0]


def _shown(value: Any) -> str:
    named = {
        "\t": _("tab"),
        " ": _("blank"),
        "": _("nothing"),
        None: "null",
        True: _("Yes"),
        False: _("No"),
    }
    is_named = isinstance(value, str | bool) or value is None
    return named.get(value, str(value)) if is_named else str(value)


def _limits(found: Field, shape: Schema) -> str:
    """Say what is accepted, in words, as far as the schema says it in numbers."""
    if found.kind == "number":
        return _of_number(shape)
    if found.kind == "text" and found.is_long:
        return _between(shape.get("minLength"), shape.get("maxLength"), _CHARACTERS)
    if found.kind == "moment":
        return _("in UTC")
    if found.kind == "lines" and found.item is not None:
        count = _between(shape.get("minItems"), shape.get("maxItems"), _ENTRIES)
        limits = found.item.limits
        each = _("each %(limits)s") % {"limits": limits} if limits else ""
        return ", ".join(part for part in (_("one on each line"), count, each) if part)
    if found.kind == "files":
        return _between(shape.get("minItems"), shape.get("maxItems"), _FILES)
    return _("as JSON") if found.kind == "json" else ""


def _of_number(shape: Schema) -> str:
    low, high = shape.get("minimum"), shape.get("maximum")
    above, below = shape.get("exclusiveMinimum"), shape.get("exclusiveMaximum")
    if above is None and below is None:
        return _between(low, high, _NUMBERS)
    least = _number(low) if low is not None else ""
    if not least and above is not None:
        least = _("more than %(number)s") % {"number": _number(above)}
    most = _number(high) if high is not None else ""
    if not most and below is not None:
        most = _("less than %(number)s") % {"number": _number(below)}
    if least and most:
        return _("%(low)s to %(high)s") % {"low": least, "high": most}
    return least or most


def _between(least: Any, most: Any, words: Ranges) -> str:
    """Say a range, in the words for: exactly, from to, at least, at most."""
    exactly, from_to, at_least, at_most = words
    numbers = {
        "low": "" if least is None else _number(least),
        "high": "" if most is None else _number(most),
    }
    if least is not None and most is not None:
        return _(exactly if least == most else from_to) % numbers
    if least is not None:
        return _(at_least) % numbers
    return _(at_most) % numbers if most is not None else ""


def _number(value: Any) -> str:
    is_number = isinstance(value, int | float)
    return number(value) if is_number else str(value)
