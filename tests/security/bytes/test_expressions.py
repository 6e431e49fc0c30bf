"""No regular expression of ours takes more than linear time:
strangers' bytes reach most of them."""

import pytest

from shared.settings import ROOT
from tests.security.bytes.expressions import expressions, faults

SOURCES = ["shared", "django_site", "flask_api", "gatehouse", "deploy"]


@pytest.mark.parametrize(
    ("pattern", "is_searched"),
    [
        (r"([!-~]+):[ \t]*([^\0\r\n]*?)[ \t]*\r\n", False),
        (r"(a+)+b", False),
        (r"(?:a|b+)*c", False),
        (r"\s*,?\s*x", False),
        (r"a*aa*b", False),
        (r"(\w+\s?)+$", False),
        (r".*,.*,x", False),
        (r"a+$", True),
        (r"<[^>]*>", True),
        (rb"\s*[\"']?\s*a", False),
        (r"<(\w+)[^>]*>", True),
        (r"[a-z]{0,500}[a-z0-9]{0,500}!", False),
    ],
)
def test_expression_that_backtracks_is_found(pattern: str | bytes, *, is_searched: bool) -> None:
    """The judge of the test below: nested and adjacent quantifiers over the same characters,
    searches that begin again."""
    assert faults(pattern, is_searched=is_searched)


@pytest.mark.parametrize(
    ("pattern", "is_searched"),
    [
        (r"(/[a-z0-9_-]+)+", False),
        (r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+", False),
        (rb'"(?:[^"\\]|\\.)*" [0-9]{1,19}(?:[ \t].*)?', False),
        (r"(?:^|,)\s*wait\s*=\s*([0-9]{1,9})\s*(?:$|[,;])", True),
        (r"<[^<>]*>", True),
        (r"[a-z]{40,}", True),
        (r'(?:^|,)"[^"]*"(?=,|$)', True),
    ],
)
def test_linear_expression_is_let_through(pattern: str | bytes, *, is_searched: bool) -> None:
    """The judge of the other side: what separates two quantifiers may stand in neither."""
    assert faults(pattern, is_searched=is_searched) == []


@pytest.mark.parametrize("folder", SOURCES)
def test_no_expression_of_ours_backtracks(folder: str) -> None:
    """Every literal and composed expression, pydantic's patterns too."""
    found = [
        f"{path.relative_to(ROOT)}:{line}: {pattern!r}: {fault}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "migrations" not in path.parts and "re" in path.read_text()
        for line, pattern, is_searched in expressions(path, ROOT)
        for fault in faults(pattern, is_searched=is_searched)
    ]
    assert found == []
