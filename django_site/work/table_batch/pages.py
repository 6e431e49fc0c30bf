"""/tasks/<name>/many/: a table becomes a batch, once each of its rows is right."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from django_site.work import api
from django_site.work.access import page
from django_site.work.start_once import start_once
from django_site.work.table_batch.arguments import TableRow, column_names, rows_of, show_api_errors
from django_site.work.table_batch.table import MOST_BYTES, MOST_ROWS, NotATable, read_table

# Of those that are right; each that is wrong is shown.
_SHOWN_MAX = 50
_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(slots=True, kw_only=True)
class TableForm:
    """What was pasted or uploaded, and what was found in it."""

    text: str = ""
    key: str = field(default_factory=lambda: str(uuid4()))
    columns: list[str] = field(default_factory=list)
    rows: list[TableRow] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    has_changed: bool = False  # since the check whose button was pressed

    @property
    def checked(self) -> str:
        """What was checked, in short: however a browser sends its line breaks."""
        cells = repr((self.columns, [row.cells for row in self.rows]))
        return sha256(cells.encode(errors="surrogatepass")).hexdigest()

    @property
    def wrong(self) -> list[TableRow]:
        """The rows that have errors."""
        return [row for row in self.rows if row.errors]

    @property
    def is_right(self) -> bool:
        """Whether it can be sent."""
        return bool(self.rows) and not self.wrong and not self.problems

    @property
    def shown(self) -> list[TableRow]:
        """The rows that the page shows: the first that are wrong, else the first."""
        return (self.wrong or self.rows)[:_SHOWN_MAX]


@require_http_methods(["GET", "HEAD", "POST"])
@page
def run_many(request: HttpRequest, name: str) -> HttpResponse:
    """Show the form for a table; check one; start its jobs as a batch."""
    task = next(
        (each for each in api.get(request, "/tasks")["tasks"] if each["name"] == name), None
    )
    if task is None:
        raise Http404
    form = TableForm()
    if request.method != "POST":
        return _page(request, task, form)
    _take(request, form)
    _check(request, task, form)
    is_start = request.POST.get("do") == "start"
    # The button says how many it starts: of another table nobody has seen that yet.
    form.has_changed = is_start and request.POST.get("checked", form.checked) != form.checked
    if not is_start or form.has_changed or not form.is_right:
        return _page(request, task, form, status=200 if form.is_right else 422)
    try:
        sent = {"task": task["name"], "arguments": [row.arguments for row in form.rows]}
        batch = start_once(request, "/batches", sent, key=form.key)
    except api.ApiProblem as problem:
        if problem.status in (401, 403):
            raise
        form.problems += show_api_errors(form.rows, problem.errors) or [problem.detail]
        return _page(request, task, form, status=problem.status, retry_after=problem.retry_after_s)
    return redirect("batch", batch_id=batch["id"])


def _take(request: HttpRequest, form: TableForm) -> None:
    """Take the table: a file that was chosen counts more than what is pasted."""
    form.text = request.POST.get("table", "")
    with suppress(ValueError):
        form.key = str(UUID(request.POST.get("key", "")))
    chosen = request.FILES.get("file")
    if chosen is None or chosen.file is None:
        return
    data = chosen.file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        form.text = ""
        words = _("The file has more than %(most)s kB. Send it in parts.")
        form.problems = [words % {"most": MOST_BYTES // 1000}]
        return
    try:
        # what spreadsheets save as "Unicode text" begins with its mark
        form.text = data.decode("utf-16" if data[:2] in _MARKS else "utf-8-sig")
    except UnicodeDecodeError:
        form.text = ""
        form.problems = [_("The file is not text in UTF-8. Save it as “CSV UTF-8”.")]


def _check(request: HttpRequest, task: Mapping[str, Any], form: TableForm) -> None:
    """Find what is wrong with the table, and where; nothing is started."""
    if form.problems:
        return
    try:
        table = read_table(form.text)
        form.columns, form.rows = table.columns, rows_of(task, table)
    except NotATable as error:
        form.problems.append(str(error))
        return
    rows = [row for row in form.rows if not row.errors]
    sent = {"task": task["name"], "arguments": [row.arguments for row in rows]}
    try:
        if rows:
            api.send(request, "/batches/check", sent)
    except api.ApiProblem as problem:
        if problem.status in (401, 403):
            raise
        form.problems += show_api_errors(rows, problem.errors)
        if form.is_right:
            form.problems.append(problem.detail)


def _page(
    request: HttpRequest,
    task: Mapping[str, Any],
    form: TableForm,
    *,
    status: int = 200,
    retry_after: str = "",
) -> HttpResponse:
    names = column_names(task)
    context = {"task": task, "form": form, "columns": names, "most_rows": MOST_ROWS}
    answer = render(request, "work/run_many.html", context, status=status)
    if retry_after:
        answer["Retry-After"] = retry_after
    return answer
