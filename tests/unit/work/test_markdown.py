"""Markdown of a task is laid out, and nothing in it runs, loads, or leads where it must not."""

import time
from html.parser import HTMLParser

import pytest
from django.utils.translation import override

from django_site.work.results.markdown import _MARKS, _MARKS_MAX, html_of
from django_site.work.results.parts import Wanted
from django_site.work.results.result import show
from shared.markdown import LONGEST, MARK, MarkdownError, find_markdown, mark_markdown

TAGS = {
    *("p", "h3", "h4", "h5", "h6", "strong", "em", "a", "ul", "ol", "li", "blockquote", "br"),
    *("pre", "code", "hr", "div", "table", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {"href", "rel", "class", "tabindex", "role", "aria-label", "start"}
CLASSES = {"scroll table", "number"}
HOSTILE = """<script>alert(1)</script><img src=x onerror=alert(1)> <!-- x --> <a href="x">x</a>

<div style="position:fixed">

[a](javascript:alert(1)) [b](JaVaScRiPt:x) [c](data:text/html,x) [d](//evil.example) [e](/admin/) [f](vbscript:x)
[g](https://ok.example/"onclick="x) ![h](https://evil.example/i.png) ![i](data:image/svg+xml,x) <javascript:x> <https://ok.example>
[![in](https://ok.example/i.png)](https://ok.example/) [j](mailto:a@b.example) &#x202E;&#27;[31m \x1b

[ref]: javascript:alert(1)
[ref]

```"><script>alert(2)</script>
code <b>
```

a | b
:-: | -:
1 | 2
"""


class Found(HTMLParser):
    """Collects tags, attributes and addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note it; a link has none in it."""
        self.tags.append(tag)
        self.attributes += attrs
        self.open += tag == "a"
        assert self.open < 2

    def handle_endtag(self, tag: str) -> None:
        """Note that a link ends."""
        self.open -= tag == "a"


def found_in(text: str) -> Found:
    """Return what is in the HTML of a text."""
    found, html = Found(), html_of(text)
    assert html is not None
    found.feed(html)
    return found


def test_hostile_markdown_is_words_and_our_tags() -> None:
    """No tag, attribute, address or sign of somebody else's."""
    found = found_in(HOSTILE)
    assert set(found.tags) <= TAGS
    assert {name for name, _ in found.attributes} <= ATTRIBUTES
    assert {value for name, value in found.attributes if name == "class"} <= CLASSES
    links = [value or "" for name, value in found.attributes if name == "href"]
    assert sorted(link.partition(":")[0] for link in links) == ["https"] * 4 + ["mailto"]
    assert found.attributes.count(("rel", "noreferrer")) == len(links)
    html = str(html_of(HOSTILE))
    assert "\u202e" not in html
    assert "\x1b" not in html
    assert "⟨U+202E⟩" in html


def test_headings_are_below_the_pages_own_without_a_gap() -> None:
    """Whatever the text begins with."""
    headings = [tag for tag in found_in("### a\n# b\n#### c\n###### d\n").tags if tag != "p"]
    assert headings == ["h3", "h3", "h4", "h5"]


@pytest.mark.parametrize(
    "unit",
    ["[", "![", "[a](", "*a **a ", "_a __a ", "`a", "> ", "- ", "<http:", "&a;", "a|", "a\n", "**x* "],
)  # fmt: skip
def test_hostile_markdown_is_linear_and_bounded(unit: str) -> None:
    """From a quarter of what is accepted to all of it: about four times as long, and never long."""
    most = LONGEST // len(unit)
    marks = sum(map(unit.count, _MARKS))
    most = min(most, _MARKS_MAX // marks) if marks else most
    small, large = (_least_s(unit * count) for count in (most // 4, most))
    assert large < 3
    assert large < 12 * max(small, 0.01), (small, large)


def _least_s(text: str) -> float:
    """Return the time of this thread: others run beside it."""
    times = []
    for _ in range(2):
        html_of.cache_clear()
        began = time.thread_time()
        assert html_of(text) is not None
        times.append(time.thread_time() - began)
    return min(times)


def test_only_marked_text_is_markdown() -> None:
    """An object with the mark and nothing else; what is too long is refused, or shown as text."""
    assert show(mark_markdown("# a"), Wanted()).html == "<h3>a</h3>\n"
    assert find_markdown({MARK: "a", "more": 1}) is None
    assert find_markdown({MARK: 1}) is None
    assert show({MARK: "[" * 50_000}, Wanted()).kind == "text"
    with pytest.raises(MarkdownError):
        mark_markdown("x" * (LONGEST + 1))
    with pytest.raises(MarkdownError):
        mark_markdown(b"x")  # type: ignore[arg-type]


def test_words_of_the_page_are_in_its_language() -> None:
    """Those beside the task's own: whoever came before, in whatever language."""
    text = mark_markdown("![](https://ok.example/i.png)\n\na | b\n-- | --\n1 | 2\n")
    for language, picture, table in (("en", "picture", "Table"), ("de", "Bild", "Tabelle")):
        with override(language):
            html = str(show(text, Wanted()).html)
        assert f">{picture}</a>" in html
        assert f'aria-label="{table}"' in html
