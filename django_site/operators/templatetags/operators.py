"""What the templates of operators say in one word each, and what was done."""

from collections.abc import Mapping

from django import template
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from django_site.work import shown

register = template.Library()
_KINDS = {"task": gettext_noop("task"), "executor": gettext_noop("executor")}
# As the record has them.
_THINGS = {
    "job": gettext_noop("job {name}"),
    "batch": gettext_noop("batch {name}"),
    "file": gettext_noop("file {name}"),
    "task": gettext_noop("task {name}"),
    "executor": gettext_noop("executor {name}"),
    "person": gettext_noop("person {name}"),
}
_ACTS = {
    "cancel": gettext_noop("Cancel {thing}"),
    "cancel jobs of": gettext_noop("Cancel jobs of {thing}"),
    "retry": gettext_noop("Retry {thing}"),
    "requeue": gettext_noop("Requeue {thing}"),
    "delete": gettext_noop("Delete {thing}"),
    "pause": gettext_noop("Pause {thing}"),
    "resume": gettext_noop("Resume {thing}"),
    "look at": gettext_noop("Look at {thing}"),
}

# As the API says it.
_PAUSED = "an operator has paused it"


@register.filter
def seconds_ago(seconds: float) -> str:
    """Say how long ago a heartbeat was."""
    return _("%(time)s ago") % {"time": shown.duration(seconds)}


@register.filter
def worker_name(name: str) -> str:
    """Return what tells one worker from another: the end of its name has the chance."""
    return name.rpartition(".")[2][:8]


@register.filter
def kind_word(kind: str) -> str:
    """Say what is paused: a task or an executor."""
    return _(_KINDS[kind]) if kind in _KINDS else kind


@register.filter
def held_by(reason: str) -> SafeString | str:
    """Say why a job can't begin at all: in the page's language if an operator holds it, else in
    the API's words, which are English."""
    if reason == _PAUSED:
        return _("An operator has paused it")
    return format_html('<span lang="en">{}</span>', capfirst(shown.visible(reason)))


@register.filter
def deed(entry: Mapping[str, str]) -> SafeString:
    """Say what an entry of the record tells of: what was done, and to what."""
    act, thing = entry["act"], _thing(entry["thing"])
    if act in _ACTS:
        return format_html(_(_ACTS[act]), thing=thing)
    return format_html("{} {}", capfirst(act), thing)


def _thing(text: str) -> SafeString | str:
    """Return what an act was done to, a job with a link."""
    kind, _space, name = text.partition(" ")
    if kind not in _THINGS:
        return shown.visible(text)
    words = _(_THINGS[kind])
    if kind != "job":
        return words.format(name=shown.visible(name))
    address = reverse("job", args=[name])
    return format_html('<a href="{}">{}</a>', address, words.format(name=name[-6:]))
