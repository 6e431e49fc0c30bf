"""The API's words in the page's language: each sentence that is known is said by the API, and keeps
its values."""

import ast
import datetime as dt
import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import pytest
from django.utils import translation
from pydantic import AnyHttpUrl, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from django_site.work.problem_words import SENTENCES, find_sentence, in_words
from shared.settings import ROOT


class Given(BaseModel):
    """One of each kind of argument."""

    model_config = ConfigDict(extra="forbid")

    word: Annotated[str, Field(min_length=2, max_length=3, pattern="^[a-z]+$")]
    letter: Annotated[str, Field(min_length=1, max_length=1)]
    count: Annotated[int, Field(ge=1, le=10, multiple_of=2)]
    share: Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]
    colour: Literal["red", "green", "blue"]
    is_loud: bool
    day: dt.date
    at: AwareDatetime
    page: AnyHttpUrl
    one: Annotated[list[int], Field(min_length=1, max_length=1)]
    some: Annotated[list[int], Field(min_length=2, max_length=3)]
    names: dict[str, str]


WRONG: list[dict[str, Any]] = [
    {},
    {"word": 1, "letter": "", "count": "x", "share": "x", "is_loud": "perhaps", "some": 1},
    {"word": "a", "letter": "ab", "count": 0, "share": 0, "is_loud": 7.5, "some": [1], "one": []},
    {"word": "abcd", "count": 11, "share": 1, "is_loud": [], "some": [1] * 4, "one": [1, 2]},
    {"word": "12", "count": 1.5, "share": float("inf"), "colour": "pink", "more": 1, "names": 1},
    {"count": 3, "share": [], "day": "x", "at": "x", "page": "x", "names": []},
    {"count": [], "day": "2020-13-01", "at": "2020-01-01T00:00:00", "page": "ftp://a/"},
    {"day": "2020-02-31", "at": "", "page": "http://"},
    {"day": 1.5, "at": "2020-01-01T00:00:00Zx", "page": "http://a:b/"},
    {"day": "abcd-01-01", "page": ""},
    {"day": []},
]


def test_what_pydantic_says_of_arguments_is_known_and_keeps_its_values() -> None:
    """Whatever is wrong with an argument of a usual kind, a German page says so in German."""
    said = set[str]()
    for given in WRONG:
        with pytest.raises(ValidationError) as caught:
            Given.model_validate(given)
        said |= {line["msg"] for line in caught.value.errors()}
    unknown = {text for text in said if find_sentence(text) is None}
    assert unknown == set()
    with translation.override("de"):
        assert {text for text in said if in_words(text) == text} == set()
        assert in_words("Input should be less than or equal to 10") == "Darf höchstens 10 sein"
        choices = "Input should be 'red', 'green' or 'blue'"
        assert in_words(choices) == "Muss eines davon sein: 'red', 'green' oder 'blue'"
        accepted = in_words('Field required; accepted: {"type": "string"}')
        assert accepted == 'Diese Angabe fehlt; accepted: {"type": "string"}'


def test_sentences_of_our_own_are_what_the_api_says() -> None:
    """A sentence that is put differently in the API is to be put so here: or it stays English."""
    ours = [each for each in SENTENCES if each[0].isupper() and not _is_pydantics(each)]
    written = "\n".join(set(_written()))
    patterns = [
        re.compile(".*".join(map(re.escape, text.split("\0"))))
        for text in written.split("\n")
        if text.count(" ") > 2
    ]
    lost = [each for each in ours if not any(one.fullmatch(each) for one in patterns)]
    assert lost == []


def test_other_words_stay_as_they_are() -> None:
    """A task's own, in any language, and what is too long to be a sentence; in English all."""
    with translation.override("de"):
        for text in ("Der Lieferant antwortet nicht.", "", "There is no such job. " * 100, "%(x)s"):
            assert in_words(text) == text
    with translation.override("en"):
        assert in_words("There is no such job.") == "There is no such job."


def _is_pydantics(sentence: str) -> bool:
    return bool(re.match(r"(Input|String|List|URL|Field|Extra|Datetimes) ", sentence))


def _written() -> Iterator[str]:
    """Yield the texts of the API's source, with a NUL in each place of a value."""
    for folder in ("flask_api", "shared"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.JoinedStr):
                    parts = (each.value if isinstance(each, ast.Constant) else "\0"
                             for each in node.values)  # fmt: skip
                    yield "".join(map(str, parts))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value
