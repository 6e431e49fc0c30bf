"""What templates say in the language of the page: times, and where the scripts find their words."""

from datetime import UTC, datetime
from functools import cache

from django import template
from django.contrib.staticfiles import finders
from django.templatetags.static import static
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, pgettext

register = template.Library()


@register.filter
def when(then: datetime) -> SafeString:
    """Return a ``time`` element: date and time in UTC; scripts show it in the person's zone."""
    words = date_format(then.astimezone(UTC), pgettext("date and time", "j M Y, H:i"))
    return format_html('<time data-at datetime="{}">{} UTC</time>', _iso(then), words)


@register.filter
def day(then: datetime) -> SafeString:
    """Return a ``time`` element: the day in UTC; scripts show it in the person's zone."""
    words = date_format(then.astimezone(UTC), pgettext("date", "j M Y"))
    return format_html('<time data-day datetime="{}">{}</time>', _iso(then), words)


@register.filter
def isolated(name: str) -> SafeString:
    """Return what a person wrote so that its direction changes nothing around it."""
    return format_html("<bdi>{}</bdi>", name)


@register.simple_tag
def script_words() -> SafeString | str:
    """Return what loads the page scripts' words; English stands in the scripts themselves."""
    code = get_language() or ""
    for each in (code, code.partition("-")[0]):  # a region's own, else the language's
        name = f"gatehouse/words/{each}.js"
        if _is_there(name):
            return format_html('<script type="module" src="{}"></script>', static(name))
    return ""


@cache
def _is_there(name: str) -> bool:
    return finders.find(name) is not None


def _iso(then: datetime) -> str:
    return then.astimezone(UTC).isoformat(timespec="seconds")
