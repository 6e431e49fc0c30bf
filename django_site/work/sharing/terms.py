"""The form that shares a job: what is typed, and what is sent of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _

SHOWABLE = ("arguments", "files", "owner")
DEFAULT_LIFE_S = 7 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareChoice:
    """One thing that can be chosen."""

    value: str
    words: str
    is_chosen: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareForm:
    """The form as it is shown."""

    audiences: Sequence[ShareChoice]
    lives: Sequence[ShareChoice]
    shows: Sequence[ShareChoice]
    people: str
    group: str
    groups: Sequence[str]


def form_for(request: HttpRequest, typed: QueryDict | None = None) -> ShareForm:
    """Return the form, with what was typed, if anything was."""
    sent = typed or QueryDict()
    kept = getattr(request.user, "groups", None)  # a site's own model may have none
    groups = [] if kept is None else sorted(map(str, kept.values_list("name", flat=True)))
    audience, life = sent.get("audience", "link"), sent.get("life", str(DEFAULT_LIFE_S))
    shown = sent.getlist("shows")
    audiences = [
        ("link", _("Everybody who is logged in and has the link")),
        ("people", _("Only these people")),
        *([("group", _("Only members of a group"))] if groups else []),
    ]
    lives = [
        ("3600", _("an hour")),
        ("86400", _("a day")),
        (str(DEFAULT_LIFE_S), _("a week")),
        (str(30 * 86_400), _("30 days")),
    ]
    shows = [
        ("arguments", _("what it was given (arguments)")),
        ("files", _("its files")),
        ("owner", _("my username")),
    ]
    return ShareForm(
        audiences=[ShareChoice(value=v, words=w, is_chosen=v == audience) for v, w in audiences],
        lives=[ShareChoice(value=v, words=w, is_chosen=v == life) for v, w in lives],
        shows=[ShareChoice(value=v, words=w, is_chosen=v in shown) for v, w in shows],
        people=sent.get("people", ""),
        group=sent.get("group", ""),
        groups=groups,
    )


def body_of(typed: QueryDict) -> dict[str, Any]:
    """Return what is sent to the API, which alone checks it."""
    audience = typed.get("audience", "link")
    names = (name.strip() for name in typed.get("people", "").replace("\n", ",").split(","))
    life = typed.get("life", "")
    return {
        "audience": audience,
        "people": [name for name in names if name] if audience == "people" else [],
        "group": typed.get("group", "") if audience == "group" else "",
        "shows": [each for each in SHOWABLE if each in typed.getlist("shows")],
        "expires_in_s": int(life) if life.isdecimal() and len(life) < 9 else DEFAULT_LIFE_S,
    }
