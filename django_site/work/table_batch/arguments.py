"""From a table to sets of arguments: a column is a parameter, a row a job.

A cell is what would be typed into the form's field; an empty one says nothing, so the default
counts. The API judges the values.
"""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from django_site.work.form.fields import JOIN, Field
from django_site.work.form.schema import fields_of
from django_site.work.form.values import arguments_of, check_json
from django_site.work.table_batch.table import NotATable, Table

_YES, _NO = ("true", "yes", "1", "x"), ("false", "no", "0")
_LISTED = 12


@dataclass(slots=True, kw_only=True)
class TableRow:
    """One row: its cells as they were typed, the arguments they say, and what is wrong with them:
    words, each with the name of its column or ""."""

    number: int
    cells: list[str]
    arguments: dict[str, Any] = field(default_factory=dict)
    errors: list[tuple[str, str]] = field(default_factory=list)


def column_names(task: Mapping[str, Any]) -> list[str]:
    """Return the names that columns may have, in the order of the form."""
    return list(_leaves(fields_of(task["arguments_schema"])))


def rows_of(task: Mapping[str, Any], table: Table) -> list[TableRow]:
    """Return the rows with their arguments. Raises NotATable for columns that the task hasn't."""
    _check_columns(table.columns, column_names(task))
    return [_row(task, table.columns, number, cells) for number, cells in table.rows]


def show_api_errors(rows: list[TableRow], errors: Iterable[Mapping[str, str]]) -> list[str]:
    """Put the API's words at the rows that they are about; return the others'."""
    others = []
    for error in errors:
        # /arguments/17/options/depth
        place = str(error.get("pointer", "")).removeprefix("/arguments").strip("/").split("/")
        detail = str(error.get("detail", "")).partition("; accepted: {")[0]
        if place[0].isdigit() and int(place[0]) < len(rows):
            names = [part.replace("~1", "/").replace("~0", "~") for part in place[1:]]
            rows[int(place[0])].errors.append((JOIN.join(names), detail))
        else:
            others.append(detail)
    return others


def _check_columns(columns: list[str], known: list[str]) -> None:
    unknown = [name for name in columns if name not in known]
    if unknown:
        names = ", ".join(known[:_LISTED]) + (", …" if len(known) > _LISTED else "")
        words = _("There is no parameter “%(name)s”. Columns may be: %(names)s.")
        raise NotATable(words % {"name": unknown[0][:100], "names": names})
    twice = [name for name in columns if columns.count(name) > 1]
    if twice:
        raise NotATable(_("The column “%(name)s” is there twice.") % {"name": twice[0]})


def _row(task: Mapping[str, Any], columns: list[str], number: int, cells: list[str]) -> TableRow:
    row = TableRow(number=number, cells=[*cells, *[""] * len(columns)][: len(columns)])
    if any(cell.strip() for cell in cells[len(columns) :]):
        words = _("It has %(cells)s cells, and there are %(columns)s columns.")
        row.errors.append(("", words % {"cells": len(cells), "columns": len(columns)}))
        return row
    said = {name: cell for name, cell in zip(columns, cells, strict=False) if cell.strip()}
    fields = _only(fields_of(task["arguments_schema"]), said)
    leaves = _leaves(fields)
    for name, cell in said.items():
        _put(leaves[name], cell)
    if check_json(fields):
        row.arguments = arguments_of(fields)
    row.errors += [(name, words) for name, each in leaves.items() for words in each.errors]
    return row


def _only(fields: Iterable[Field], said: Container[str]) -> list[Field]:
    """Return the fields that a row says something about: of any other the default counts."""
    kept = []
    for each in fields:
        if each.kind == "group":
            each.fields = _only(each.fields, said)
            each.is_on = bool(each.fields) or each.is_required
        if each.is_on or each.name in said or each.else_null:
            kept.append(each)
    return kept


def _put(leaf: Field, cell: str) -> None:
    text = cell.strip() if leaf.kind != "text" else cell
    leaf.text = text
    if leaf.kind == "flag":
        word = text.casefold()
        yes, no = (*_YES, _("yes")), (*_NO, _("no"))
        leaf.is_on = word in yes
        if word not in (*yes, *no):
            leaf.errors.append(_("Say yes or no."))
    elif leaf.kind == "choice":
        keys = [
            each.key
            for each in leaf.choices
            if text.casefold() in (each.label.casefold(), str(each.value).casefold())
        ]
        if not keys:
            labels = ", ".join(each.label for each in leaf.choices[:_LISTED])
            words = _("“%(value)s” is none of: %(values)s.")
            leaf.errors.append(words % {"value": text[:100], "values": labels})
        leaf.text = keys[0] if keys else ""
    elif leaf.kind in ("file", "files"):
        leaf.uploads = [{"id": each} for each in text.split()]


def _leaves(fields: Iterable[Field]) -> dict[str, Field]:
    found: dict[str, Field] = {}
    for each in fields:
        found |= _leaves(each.fields) if each.kind == "group" else {each.name: each}
    return found
