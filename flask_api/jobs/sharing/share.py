"""A share: what one address shows of one job, to whom, and until when.

As Redis holds it, under the SHA-256 of the address's token (flask_api.jobs.records.keyspace)::

    {"job": "0199...", "owner": "7", "audience": "people", "people": ["bob"], "group": "",
     "shows": ["files"], "created_at": 1795167000, "expires_at": 1795771800}

People and groups are kept by the names that their owner typed, and compared with who asks, at each
look: nobody is looked up when a share is made, so making one tells nothing about who exists.
"""

import json
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Self

from shared.contract.principal import Principal

MAX_NAMES = 20
MAX_NAME = 150  # characters, as Django's own
MAX_NAMES_BYTES = 3_000  # of all names of one share
MIN_LIFE_S, DEFAULT_LIFE_S, MAX_LIFE_S = 60, 7 * 86_400, 30 * 86_400


class Audience(StrEnum):
    """Who may look, of those who are logged in and have the address."""

    LINK = "link"  # all of them
    PEOPLE = "people"  # those of these names
    GROUP = "group"  # those who are in this group


class Showable(StrEnum):
    """What is shown beside status, progress, log and result, only if the owner says so."""

    ARGUMENTS = "arguments"
    FILES = "files"
    OWNER = "owner"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What an owner decides about a share."""

    audience: Audience = Audience.LINK
    people: tuple[str, ...] = ()
    group: str = ""
    shows: frozenset[Showable] = frozenset()

    @classmethod
    def of(
        cls,
        audience: str,
        *,
        people: Iterable[str] = (),
        group: str = "",
        shows: Iterable[str] = (),
    ) -> Self:
        """Return the terms with names as Django stores them (NFKC)."""
        return cls(
            audience=Audience(audience),
            people=tuple(dict.fromkeys(map(normal_name, people))),
            group=normal_name(group),
            shows=frozenset(map(Showable, shows)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One share. ``id`` is the SHA-256 of its token: it names the share and opens nothing."""

    id: str
    job: str
    owner_id: str
    terms: Terms
    created_at: int  # seconds since 1970
    expires_at: int

    def admits(self, principal: Principal) -> bool:
        """Tell whether this person may look; the owner always may."""
        if principal.id == self.owner_id:
            return True
        match self.terms.audience:
            case Audience.LINK:
                return True
            case Audience.PEOPLE:
                return principal.username in self.terms.people
            case Audience.GROUP:
                return self.terms.group in principal.groups

    def shows(self, what: Showable) -> bool:
        """Tell whether the owner said that this is shown, too."""
        return what in self.terms.shows

    @property
    def made_at(self) -> datetime:
        """When it was made."""
        return datetime.fromtimestamp(self.created_at, UTC)

    @property
    def ends_at(self) -> datetime:
        """When it ends by itself."""
        return datetime.fromtimestamp(self.expires_at, UTC)

    def ends_with(self, job_expires_at: datetime | None) -> datetime:
        """Tell when it ends, of a job that is kept until then."""
        return self.ends_at if job_expires_at is None else min(self.ends_at, job_expires_at)


def normal_name(name: str) -> str:
    """Return a name as Django stores it."""
    return unicodedata.normalize("NFKC", name.strip())


def encode_share(share: Share) -> str:
    """Return the text that Redis holds."""
    terms = share.terms
    return json.dumps(
        {
            "job": share.job,
            "owner": share.owner_id,
            "audience": terms.audience,
            "people": terms.people,
            "group": terms.group,
            "shows": sorted(terms.shows),
            "created_at": share.created_at,
            "expires_at": share.expires_at,
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )


def decode_share(share_id: str, text: str) -> Share:
    """Return the share that the text describes."""
    said = json.loads(text)
    return Share(
        id=share_id,
        job=said["job"],
        owner_id=said["owner"],
        terms=Terms(
            audience=Audience(said["audience"]),
            people=tuple(said["people"]),
            group=said["group"],
            shows=frozenset(map(Showable, said["shows"])),
        ),
        created_at=said["created_at"],
        expires_at=said["expires_at"],
    )
