"""Which jobs a list shows: its filters, as an address has them."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from django_site.work import api
from django_site.work.listing.job_list import STATUS_WORDS

STATUSES = {**STATUS_WORDS, "ended": _("Ended")}
LONGEST_SEARCH = 200
_LONGEST_NAME = 100


def task_names(request: HttpRequest) -> list[str]:
    """Return the names of all tasks, in order: those that a list can be of."""
    return sorted(task["name"] for task in api.get(request, "/tasks")["tasks"])


def wanted_task(query: Mapping[str, str]) -> str:
    """Return the name of the task that an address asks for, "" for all."""
    return query.get("task", "")[:_LONGEST_NAME]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a person asked to see; empty is all."""

    q: str = ""
    status: str = ""
    task: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Filters":
        """Read an address's query; what makes no sense is left out."""
        status = query.get("status", "")
        return cls(
            q=" ".join(query.get("q", "")[:LONGEST_SEARCH].split()),
            status=status if status in STATUSES else "",
            task=wanted_task(query),
        )

    @property
    def kept(self) -> dict[str, str]:
        """Those that are set."""
        every = {"q": self.q, "status": self.status, "task": self.task}
        return {name: value for name, value in every.items() if value}

    def address(self, **more: str) -> str:
        """Return the query of a list with these filters, "" for all."""
        query = {**self.kept, **{name: value for name, value in more.items() if value}}
        return f"?{urlencode(query)}" if query else ""
