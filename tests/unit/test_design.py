"""One design system: what the pages of both sides share is written once, in shared/static."""

import re
from pathlib import Path

from shared.settings import ROOT

SHARED = ROOT / "shared/static/gatehouse/design.css"
OF_ONE_SIDE = (ROOT / "django_site/static/gatehouse/site.css", ROOT / "flask_api/static/api.css")


def _rules(path: Path) -> set[tuple[str, str]]:
    """Return each (selector, declarations) that stands outside of a media query."""
    text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
    text = re.sub(r"@media[^{]*\{(?:[^{}]*\{[^{}]*\})*\s*\}", "", text)
    return {
        (" ".join(selector.split()), " ".join(body.split()))
        for selector, body in re.findall(r"([^{}]+)\{([^{}]*)\}", text)
    }


def test_no_page_repeats_a_rule_of_the_other_side() -> None:
    """A rule of both sides stands in the shared stylesheet, and only there."""
    shared, site, api = (_rules(path) for path in (SHARED, *OF_ONE_SIDE))
    assert len(shared) > 20
    assert (site & api, shared & (site | api)) == (set(), set())


def test_tokens_are_defined_in_one_file() -> None:
    """The sides use the colours by name."""
    for path in OF_ONE_SIDE:
        assert re.findall(r"(?m)^\s*--[\w-]+:", path.read_text()) == []
        assert "var(--accent)" in path.read_text()
