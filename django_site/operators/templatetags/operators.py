"""What the templates of operators say in one word each."""

from django import template

from django_site.work import shown

register = template.Library()


@register.filter
def seconds_ago(seconds: float) -> str:
    """Say how long ago a heartbeat was."""
    return f"{shown.duration(seconds)} ago"


@register.filter
def worker_name(name: str) -> str:
    """Return what tells one worker from another: the end of its name has the chance."""
    return name.rpartition(".")[2][:8]
