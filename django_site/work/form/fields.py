"""A form's fields: what a JSON Schema becomes for a person.

kind        in the page                        its value in the arguments
----        -----------                        --------------------------
text        a line (or ``is_long``: an area)   a string
number      a number, ``is_whole`` or not      a number
flag        a box to tick                      true or false
choice      a list to choose from              one of ``choices``
date, time, moment                             a string; a moment is in UTC
lines       an area, an entry on each line     a list of what ``item`` is
file, files a file chosen or dropped           an upload's id, or a list of them
group       a box with fields of its own       an object; ``fields`` are its members
json        an area with JSON                  whatever it says
"""

from dataclasses import dataclass, field
from typing import Any

# What joins the names of nested fields. No parameter of a task has one in its name.
JOIN = "."


@dataclass(slots=True, kw_only=True)
class Choice:
    """One value to choose; ``key`` stands for it in the form."""

    key: str
    label: str
    value: Any


@dataclass(slots=True, kw_only=True)
class Field:
    """One place of a form: what it asks for, what stands in it, and what is wrong with that."""

    name: str  # in the form: the way to it
    label: str
    kind: str
    help: str = ""
    limits: str = ""
    is_required: bool = False
    may_be_null: bool = False
    else_null: bool = False  # must be said: null where it is left empty
    default: Any = None
    has_default: bool = False
    # --- by kind
    is_long: bool = False
    is_whole: bool = False
    input_mode: str = ""
    minimum: Any = None
    maximum: Any = None
    choices: list[Choice] = field(default_factory=list)
    item: "Field | None" = None
    fields: list["Field"] = field(default_factory=list)
    # --- what is in it
    text: str = ""
    is_on: bool = False
    uploads: list[dict[str, Any]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The element's id."""
        return f"f-{self.name.replace(JOIN, '-')}"

    @property
    def code_name(self) -> str:
        """The name by which a call gives it."""
        return self.name.rpartition(JOIN)[2]

    @property
    def pointer(self) -> str:
        """Where its value is in the body of a submit (RFC 6901)."""
        parts = [part.replace("~", "~0").replace("/", "~1") for part in self.name.split(JOIN)]
        return "/".join(["/arguments", *parts])

    @property
    def described_by(self) -> str:
        """The ids of what explains it."""
        parts = [f"{self.id}-help"] if self.help or self.limits else []
        return " ".join([*parts, *([f"{self.id}-errors"] if self.errors else [])])

    @property
    def explanation(self) -> str:
        """What it is for, and what is accepted."""
        text = ": ".join(part for part in (self.help.removesuffix("."), self.limits) if part)
        return f"{text[:1].upper()}{text[1:]}"

    @property
    def if_empty(self) -> str:
        """What counts when the field is left empty, shown in its place then."""
        is_said = self.default is not None and not isinstance(self.default, list | dict)
        return str(self.default) if is_said else ""

    @property
    def step(self) -> str:
        """What a browser steps by."""
        return "1" if self.is_whole else "any"
