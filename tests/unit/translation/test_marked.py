"""Every text of a page is marked for translation."""

import ast
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

SITE = Path(__file__).parents[3] / "django_site"
TEMPLATES = SITE / "templates"
# Names, and words of programs.
NAMES = {"Gatehouse", "curl", "Python", "Executor", "UTC", "Language", "JSON"}
# Attributes alone.
LATER = ("work/attributes.html", "work/described.html")
_IN_TAGS = re.compile(
    r"{#.*?#}|{% *blocktrans.*?{% *endblocktrans\w* *%}|{% *comment.*?endcomment *%}", re.S
)
_TAGS = re.compile(r"{%.*?%}|{{.*?}}", re.S)
_WORD = re.compile(r"[^\W\d_]{2,}")
_READ = {"aria-label", "title", "placeholder", "alt"}
_CODE = {"code", "pre", "script", "style"}
_SAID = {"label", "help_text", "verbose_name", "description"}


class _Texts(HTMLParser):
    """Collects what a person reads or hears, but code."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._within: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.texts += [value or "" for name, value in attrs if name in _READ]
        if tag in _CODE:
            self._within.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._within and self._within[-1] == tag:
            self._within.pop()

    def handle_data(self, data: str) -> None:
        if not self._within:
            self.texts.append(data)


def _bare_words(template: str) -> list[str]:
    reader = _Texts()
    # Quotes within a tag would end an attribute of the page.
    reader.feed(_TAGS.sub("", _IN_TAGS.sub(" ", template)))
    reader.close()
    found = [word for text in reader.texts for word in _WORD.findall(text)]
    return [word for word in found if word not in NAMES]


TEMPLATE_NAMES = sorted(
    name
    for path in TEMPLATES.rglob("*.*")
    if not (name := str(path.relative_to(TEMPLATES))).startswith(LATER)
)


def test_templates_have_no_bare_words() -> None:
    """A word outside of {% translate %} stays English: mark it (docs/translation.md)."""
    bare = {name: _bare_words((TEMPLATES / name).read_text()) for name in TEMPLATE_NAMES}
    assert {name: words for name, words in bare.items() if words} == {}


@pytest.mark.parametrize(
    "template",
    [
        "<p>Bare</p>",
        '<input placeholder="Bare">',
        "{% translate 'marked' %} Bare",
        '<a title="{% if x %}Bare{% endif %}"></a>',
    ],
)
def test_bare_word_is_found(template: str) -> None:
    """In a text and in an attribute."""
    assert _bare_words(template) == ["Bare"]


def test_words_of_forms_and_messages_are_marked() -> None:
    """What Python says to a person goes through gettext."""
    bare = [
        f"{path.relative_to(SITE)}:{node.lineno}"
        for path in SITE.rglob("*.py")
        if "migrations" not in path.parts and not str(path.relative_to(SITE)).startswith(LATER)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and "admin" not in path.stem
        for said in _said(node)
        if isinstance(said, ast.JoinedStr) or (isinstance(said, ast.Constant) and said.value)
    ]
    assert bare == []


def _said(call: ast.Call) -> list[ast.expr]:
    """Return what a call of a form's field, or of a message, says to a person."""
    function = call.func
    if not isinstance(function, ast.Attribute):
        return []
    if isinstance(function.value, ast.Name) and function.value.id == "messages":
        return call.args[1:2]
    if function.attr.endswith("Field"):
        return [each.value for each in call.keywords if each.arg in _SAID]
    return []
