"""For what a job waits, in words."""

from collections.abc import Mapping
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

from django_site.work import shown


def waits_for(job: Mapping[str, Any]) -> SafeString | str:
    """Say for what a job waits, as far as the API knows it; "" for one that doesn't wait."""
    waiting = job.get("waiting")
    if not waiting or job["status"] != "queued":
        return ""
    then = shown.moment(waiting["until"])
    if then is not None:
        words = then.strftime("%Y-%m-%d %H:%M UTC")
        return format_html(
            'Starts at <time data-at datetime="{}">{}</time>', waiting["until"], words
        )
    if waiting["reason"] == "paused":
        note = shown.visible(waiting["note"])
        return f"An operator has paused it{f': {note}' if note else ''}"
    if waiting["reason"] == "task_limit":
        return f"{waiting['running']} jobs of this task run, as many as may at once"
    ahead = waiting["ahead"]
    if ahead is None:
        return "Waits for its turn; you have more than a thousand unfinished jobs"
    if ahead:
        return f"{ahead:,} unfinished job{'' if ahead == 1 else 's'} of yours came before it"
    return "Waits for a free place, the first of yours"
