"""What github.languages finds: a row for each repository, and what they come to together."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flask_api.tasks.bar_chart import Bar
from flask_api.tasks.web.items import FetchError

BARS = 12
# A result is read whole; languages.jsonl has all.
MAX_LANGUAGES_SHOWN = 1000
MAX_FAILURES_SHOWN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryLanguages:
    """One repository: bytes by language, or why they are not known."""

    repository: str
    languages: dict[str, int] | None = None
    error: FetchError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageTotal:
    """One language in all repositories: ``share`` is its part of all bytes, from 0 to 1."""

    language: str
    bytes: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A repository that could not be read, and why."""

    repository: str
    error: FetchError


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageStatistics:
    """The result. ``languages`` has the largest first, at most 1,000; ``failures`` the first 100.

    ``is_complete`` is False when there are more repositories than one job asks for.
    """

    done: int
    failed: int
    is_complete: bool
    bytes: int
    languages: list[LanguageTotal]
    failures: list[Failure]
    chart: dict[str, Any] | None = None  # of the largest languages, where there are some


def summarise(rows: Iterable[RepositoryLanguages], *, is_complete: bool) -> LanguageStatistics:
    """Add up the rows."""
    totals: Counter[str] = Counter()
    failures: list[Failure] = []
    done = 0
    for row in rows:
        if row.error is not None:
            failures.append(Failure(repository=row.repository, error=row.error))
            continue
        done += 1
        totals.update(row.languages or {})
    size = totals.total()
    ordered = sorted(totals.items(), key=lambda item: (-item[1], item[0]))[:MAX_LANGUAGES_SHOWN]
    return LanguageStatistics(
        done=done,
        failed=len(failures),
        is_complete=is_complete,
        bytes=size,
        languages=[
            LanguageTotal(language=name, bytes=part, share=_share(part, size))
            for name, part in ordered
        ],
        failures=failures[:MAX_FAILURES_SHOWN],
    )


def bars_of(statistics: LanguageStatistics) -> list[Bar]:
    """Return a bar for each of the twelve largest languages, and one for the others together."""
    largest = statistics.languages[:BARS]
    bars = [
        Bar(label=each.language, value=each.bytes, note=_percent(each.share)) for each in largest
    ]
    rest = statistics.bytes - sum(each.bytes for each in largest)
    if rest:
        note = _percent(_share(rest, statistics.bytes))
        bars.append(Bar(label="other", value=rest, note=note, is_rest=True))
    return bars


def _share(part: int, whole: int) -> float:
    return round(part / whole, 6) if whole else 0.0


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share >= 0.001 else "< 0.1 %"
