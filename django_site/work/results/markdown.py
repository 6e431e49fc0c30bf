"""Markdown of a task as HTML: CommonMark and tables, made of escaped words and of our tags only.

HTML in it is text. Links lead to http, https and mailto; a picture is a link to it, so nothing is
loaded. Headings are below the page's own. Bounded before it is parsed, in length and in nesting.
"""

from collections.abc import MutableMapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import override
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

from django_site.work.shown import visible
from shared.markdown import LONGEST

_SCHEMES = frozenset({"http", "https", "mailto"})
_FIRST_HEADING, _LAST_HEADING = 3, 6
_NESTING = 20
# A parser looks at each of these for what it might begin: so many take it about half a second.
_MARKS, _MARKS_MAX = "[]!*_`<&|#\n", 4_000

Env = MutableMapping[str, Any]


class _Renderer(RendererHTML):
    """Writes what a page may hold: no style, no picture, and what scrolls can be reached by key."""

    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Env) -> str:
        """Return a link to a picture, with its words."""
        words = self.renderInlineAsText(tokens[idx].children, options, env) or _("picture")
        if tokens[idx].meta:  # within a link, which has no second one in it
            return escapeHtml(words)
        address = str(tokens[idx].attrs["src"])
        return f'<a href="{escapeHtml(address)}" rel="noreferrer">{escapeHtml(words)}</a>'

    def table_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Env) -> str:
        """Return the beginning of a table that scrolls by itself."""
        del tokens, idx, options, env
        name = escapeHtml(_("Table"))
        return f'<div class="scroll table" tabindex="0" role="region" aria-label="{name}"><table>\n'

    def table_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Env) -> str:
        """Return its end."""
        del tokens, idx, options, env
        return "</table></div>\n"

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Env) -> str:
        """Return a block of code."""
        return self.code_block(tokens, idx, options, env)

    def code_block(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Env) -> str:
        """Return a block of code."""
        tokens[idx].attrs = {}
        return (
            super().code_block(tokens, idx, options, env).replace("<pre>", '<pre tabindex="0">', 1)
        )


def _is_allowed(url: str) -> bool:
    try:
        return urlsplit(url).scheme.lower() in _SCHEMES
    except ValueError:
        return False


def _parser() -> MarkdownIt:
    parser = MarkdownIt(
        "commonmark", {"html": False, "maxNesting": _NESTING}, renderer_cls=_Renderer
    )
    parser.enable("table")
    parser.validateLink = _is_allowed  # type: ignore[method-assign]  # its documented way
    return parser


@lru_cache(maxsize=8)  # a page that follows its job asks for the same again and again
def html_of(text: str, language: str | None = None) -> SafeString | None:
    """Return the text as HTML, with our own few words in this language, else in English; None for
    one that is too long, or has more marks than can be read quickly: it is shown as it is."""
    if len(text) > LONGEST or sum(map(text.count, _MARKS)) > _MARKS_MAX:
        return None
    env: Env = {}
    parser = _parser()
    tokens = parser.parse(text, env)
    _fit(tokens)
    with override(language):
        # all text was escaped by the renderer; signs that act may come out of entities, too
        return mark_safe(visible(parser.renderer.render(tokens, parser.options, env)))  # noqa: S308


def _fit(tokens: Sequence[Token]) -> None:
    """Put headings below the page's own, without a gap; leave no style in."""
    before = _FIRST_HEADING - 1
    for token in tokens:
        if token.type == "heading_open":
            wanted = int(token.tag[1]) + _FIRST_HEADING - 1
            before = min(wanted, before + 1, _LAST_HEADING)
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{before}"
        if "right" in str(token.attrs.pop("style", "")):
            token.attrs["class"] = "number"
        _fit_links(token.children or ())


def _fit_links(tokens: Sequence[Token]) -> None:
    depth = 0
    for token in tokens:
        depth += token.nesting if token.type in ("link_open", "link_close") else 0
        if token.type == "link_open":
            token.attrs = {"href": token.attrs["href"], "rel": "noreferrer"}
        elif token.type == "image" and depth:
            token.meta = {"in_link": True}
