"""For what a job waits, in words."""

from collections.abc import Mapping
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_site.work import shown


def waits_for(job: Mapping[str, Any]) -> SafeString | str:
    """Say for what a job waits, as far as the API knows it; "" for one that doesn't wait."""
    waiting = job.get("waiting")
    if not waiting or job["status"] != "queued":
        return ""
    then = shown.moment(waiting["until"])
    if then is not None:
        words = then.strftime("%Y-%m-%d %H:%M UTC")
        time = format_html('<time data-at datetime="{}">{}</time>', waiting["until"], words)
        return format_html(_("Starts at {time}"), time=time)
    if waiting["reason"] == "paused":
        note = shown.visible(waiting["note"])
        words = _("An operator has paused it: %(note)s") if note else _("An operator has paused it")
        return words % {"note": note}
    if waiting["reason"] == "task_limit":
        words = ngettext(
            "%(count)s job of this task runs, as many as may at once",
            "%(count)s jobs of this task run, as many as may at once",
            waiting["running"],
        )
        return words % {"count": shown.number(waiting["running"])}
    ahead = waiting["ahead"]
    if ahead is None:
        return _("Waits for its turn; you have more than a thousand unfinished jobs")
    if ahead:
        words = ngettext(
            "%(count)s unfinished job of yours came before it",
            "%(count)s unfinished jobs of yours came before it",
            ahead,
        )
        return words % {"count": shown.number(ahead)}
    return _("Waits for a free place, the first of yours")
