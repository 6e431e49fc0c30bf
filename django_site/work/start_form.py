"""The form that starts a job of one task: from its schema, what was typed, or an earlier job."""

import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, BinaryIO, cast

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_site.work import api
from django_site.work.form.fields import Field
from django_site.work.form.schema import fields_of
from django_site.work.form.values import (
    NotInForm,
    arguments_of,
    check_json,
    fill,
    json_text,
    read_json,
    show_errors,
    take,
)

# What a button of the form asks to be shown, instead of starting a job.
FIELDS, AS_JSON, CALLS = "form", "json", "calls"
# Each name is a question of its own.
_NAMED_MAX = 50
_NOT_IN_FORM = gettext_lazy(
    "These arguments don't fit the form as they are, so here they are as JSON."
)


@dataclass(slots=True, kw_only=True)
class StartForm:
    """A form that starts a job: its fields or its JSON, whichever ``mode`` says."""

    task: Mapping[str, Any]
    fields: list[Field]
    mode: str = FIELDS
    json: str = ""
    json_errors: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    calls: Mapping[str, str] = field(default_factory=dict)
    # Sent with the form: pressing the button twice starts one job.
    key: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def wrong(self) -> list[Field]:
        """The fields that have errors, in the order of the page."""
        return [each for each in _walk(self.fields) if each.errors]

    @property
    def is_wrong(self) -> bool:
        """Whether anything is to be corrected."""
        return bool(self.errors or self.json_errors or self.wrong)

    def arguments(self) -> dict[str, Any] | None:
        """Return the arguments; None, and the error at its place, when there is JSON that is
        none. Ask once: errors are added."""
        if self.mode == FIELDS:
            return arguments_of(self.fields) if check_json(self.fields) else None
        try:
            said = read_json(self.json or "{}")
        except (ValueError, RecursionError) as error:
            self.json_errors.append(_("This is not JSON: %(reason)s") % {"reason": error})
            return None
        if not isinstance(said, dict):
            self.json_errors.append(_('This must be an object: {"name": value}.'))
            return None
        return said

    def show_as(self, mode: str) -> None:
        """Turn to the other way in, with what stands in the form. Where the form can't hold it, say
        so and stay."""
        arguments = self.arguments()
        if arguments is None or mode in (self.mode, CALLS):
            return
        if mode == AS_JSON:
            self.mode, self.json = AS_JSON, json_text(arguments)
            return
        try:
            fill(self.fields, arguments)
        except NotInForm:
            self.fields = fields_of(self.task["arguments_schema"])
            self.notes.append(str(_NOT_IN_FORM))
            return
        self.mode = FIELDS

    def show_problem(self, problem: api.ApiProblem) -> None:
        """Put the API's words where they belong."""
        if self.mode == AS_JSON:
            self.json_errors += show_errors([], problem.errors)
        else:
            self.errors += show_errors(self.fields, problem.errors)
        if not self.is_wrong:
            self.errors.append(problem.detail)

    def find_calls(self, request: HttpRequest) -> None:
        """Have the API write the calls that say the same; it changes nothing."""
        try:
            said = arguments_of(self.fields) if self.mode == FIELDS else read_json(self.json)
            sent = {"task": self.task["name"], "arguments": said}
            self.calls = api.send(request, "/calls", sent)
        except (api.ApiProblem, ValueError, RecursionError):
            self.calls = {}

    def name_uploads(self, request: HttpRequest) -> None:
        """Find the names of uploaded files; drop, and say so, what is no longer there."""
        for each in _walk(self.fields):
            found = [_find_upload(request, upload) for upload in each.uploads[:_NAMED_MAX]]
            kept = [upload for upload in found if upload is not None]
            if len(kept) < len(found):
                words = _("A file of “%(field)s” is no longer kept. Please choose it again.")
                self.notes.append(words % {"field": each.label})
            each.uploads = [*kept, *each.uploads[_NAMED_MAX:]]


def empty_form(task: Mapping[str, Any]) -> StartForm:
    """Return the form with the task's defaults."""
    form = StartForm(task=task, fields=fields_of(task["arguments_schema"]))
    fill(form.fields)
    return form


def form_of_arguments(task: Mapping[str, Any], arguments: Mapping[str, Any]) -> StartForm:
    """Return the form with these arguments: of an earlier job."""
    form = StartForm(task=task, fields=fields_of(task["arguments_schema"]))
    try:
        fill(form.fields, arguments)
    except NotInForm:
        form.fields = fields_of(task["arguments_schema"])
        form.mode, form.json = AS_JSON, json_text(arguments)
        form.notes.append(str(_NOT_IN_FORM))
    return form


def sent_form(task: Mapping[str, Any], sent: QueryDict) -> StartForm:
    """Return the form with what was typed."""
    form = StartForm(task=task, fields=fields_of(task["arguments_schema"]))
    form.mode = AS_JSON if sent.get("mode") == AS_JSON else FIELDS
    form.json = sent.get("json", "").replace("\r\n", "\n")
    with suppress(ValueError):
        form.key = str(uuid.UUID(sent.get("key", "")))
    if form.mode == FIELDS:
        take(form.fields, sent)
    return form


def upload_chosen(form: StartForm, request: HttpRequest) -> None:
    """Upload the files that came with the form itself, as they do without scripts. What the API
    refuses is said at the field."""
    for each in _walk(form.fields):
        for chosen in cast("list[UploadedFile[Any]]", request.FILES.getlist(each.name)):
            if each.kind not in ("file", "files") or chosen.file is None:
                continue
            try:
                kept = api.upload(
                    request, chosen.name or "file", cast("BinaryIO", chosen.file), chosen.size or 0
                )
            except api.ApiProblem as problem:
                each.errors.append(problem.detail)
            else:
                each.uploads = [*(each.uploads if each.kind == "files" else []), kept]


def _find_upload(request: HttpRequest, upload: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the file's record, None when there is none; while nobody can say, what is known."""
    try:
        found: dict[str, Any] = api.get(request, f"/files/{uuid.UUID(upload['id'])}")
    except ValueError:
        return None
    except api.ApiProblem as problem:
        return None if problem.status in (404, 410) else dict(upload)
    return found


def _walk(fields: list[Field]) -> list[Field]:
    return [found for each in fields for found in (each, *_walk(each.fields))]
