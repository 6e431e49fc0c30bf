"""What the templates of these pages say in one word each."""

import json
import re
from datetime import UTC, datetime
from typing import Any

from django import template
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

from django_site.work import shown
from django_site.work.listing import timing, waiting
from django_site.work.listing.job_list import STATUS_WORDS
from django_site.work.log import ansi

register = template.Library()

_LINE_MAX = 160
_CODE = re.compile(r"``([^`]{1,200})``")


@register.filter
def visible(value: Any) -> str:
    """Return a text of somebody else's with its hidden signs shown."""
    return shown.visible(str(value))


@register.filter
def coloured(text: str) -> SafeString:
    """Return a line of a log with its colours, and its hidden signs shown."""
    return ansi.coloured(text)


@register.filter
def size(count: int) -> str:
    """Say how many bytes."""
    return shown.size(count)


@register.filter
def number(value: float) -> str:
    """Return a number as the page's language writes it."""
    return shown.number(value)


@register.filter
def label(job: dict[str, Any], words: str) -> str:
    """Say what a control of a row does, and to which job or batch, for who hears the page."""
    if "{time}" in words:
        words = words.replace("{time}", exact(job["submitted_at"]))
    return words.replace("{task}", job["task"])


@register.filter
def moment(text: str | None) -> SafeString | str:
    """Return a ``time`` element: how long ago, with the exact time behind."""
    then = shown.moment(text)
    if then is None:
        return ""
    exact = then.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return format_html(
        '<time data-ago datetime="{}" title="{}">{}</time>',
        text,
        exact,
        shown.ago(then, datetime.now(UTC)),
    )


@register.filter
def exact(text: str | None) -> str:
    """Return a time as it is, in UTC, for who hears the page."""
    then = shown.moment(text)
    return then.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if then else ""


@register.filter
def elapsed(job: dict[str, Any]) -> str:
    """Say for how long a job has run."""
    seconds = timing.elapsed_s(job, datetime.now(UTC))
    return "" if seconds is None else shown.duration(seconds, in_tenths=False)


@register.filter
def remaining(job: dict[str, Any]) -> str:
    """Say how long a job will still take, about; nothing where that is not known."""
    seconds = timing.remaining_s(job, datetime.now(UTC))
    return "" if seconds is None else timing.about(seconds)


@register.filter
def waits_for(job: dict[str, Any]) -> SafeString | str:
    """Say for what a job waits."""
    return waiting.waits_for(job)


@register.filter
def took(job: dict[str, Any]) -> str:
    """Say how long a job has run, or ran."""
    began, ended = shown.moment(job.get("started_at")), shown.moment(job.get("finished_at"))
    if began is None or ended is None:
        return ""
    return shown.duration(max(0.0, (ended - began).total_seconds()))


@register.filter
def took_words(job: dict[str, Any], words: str) -> str:
    """Say how long a job ran, in a row."""
    return words.replace("{time}", took(job))


@register.filter
def for_words(job: dict[str, Any], words: str) -> str:
    """Say for how long a job has run, in a row."""
    return words.replace("{time}", elapsed(job))


@register.filter
def state_word(status: str) -> str:
    """Say a state as people do."""
    return str(STATUS_WORDS.get(status, status))


@register.filter
def prose(text: str) -> SafeString:
    """Return a docstring as paragraphs; what stands between double backticks is code."""
    parts = [part for part in re.split(r"\n[ \t]*\n", visible(text)) if part.strip()]
    return mark_safe("".join(_paragraph(part) for part in parts))  # noqa: S308  # escaped below


def _paragraph(part: str) -> str:
    lines = part.split("\n")
    if all(line.startswith(("  ", "- ", "|")) or not line for line in lines):
        return f"<pre>{escape(part)}</pre>"
    text = _CODE.sub(r"<code>\1</code>", str(escape(part)))
    return f"<p>{text}</p>"


@register.filter
def clock(text: str) -> str:
    """Return the time of day of a log line, in UTC."""
    then = shown.moment(text)
    return then.astimezone(UTC).strftime("%H:%M:%S") if then else ""


@register.filter
def in_words(arguments: dict[str, Any]) -> str:
    """Return arguments as one short line."""
    line = " ".join(
        f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in arguments.items()
    )
    return line if len(line) <= _LINE_MAX else f"{line[:_LINE_MAX]}…"


@register.filter
def unlocalize_number(number: float) -> str:
    """Return a number as an attribute has it, whatever the language."""
    return json.dumps(number)


@register.filter
def progress_words(progress: dict[str, Any]) -> str:
    """Say how far a job is, with the task's own words."""
    done, total = progress["done"], progress["total"]
    count = shown.number(done)
    if total:
        words = gettext("%(done)s of %(total)s")
        count = words % {"done": count, "total": shown.number(total)}
    said = shown.visible(str(progress.get("message") or ""))[:200]
    return f"{count} · {said}" if said else count


@register.simple_tag
def status_word(job: dict[str, Any]) -> str:
    """Say a job's state as people do."""
    if job.get("cancel_requested") and job["status"] == "running":
        return gettext("Stopping")
    return state_word(str(job["status"]))
