"""A batch's body in two parts: whatever it holds,
they are what a parser of the whole would have found."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_api.http.batch_body import parse_batch
from flask_api.http.json_body import parse_json
from flask_api.http.json_size import MAX_CONTAINERS, MAX_VALUES, require_few_values
from flask_api.jobs.errors import InvalidArguments
from shared.errors import RequestError

LIMITS: dict[str, Any] = {"most_sets": 10, "most_bytes": 10_000}
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)
bodies = st.fixed_dictionaries(
    {
        "arguments": st.lists(
            st.dictionaries(st.text(max_size=4), values, max_size=3) | values, max_size=5
        )
    },
    optional={"task": values, "priority": values, "ärguments": values},
)


def whole(text: bytes) -> Any:
    """Return the body that the two parts make together, None when it is refused."""
    try:
        body = parse_batch(text, **LIMITS)
        sets = iter(body.sets)
        given_ = body.envelope.get("arguments")
        if isinstance(given_, list):
            body.envelope["arguments"] = [next(sets) if each == {} else each for each in given_]
        assert next(sets, None) is None
    except (RequestError, InvalidArguments):
        return None
    return body.envelope


@given(bodies, st.sampled_from([None, 2]), st.booleans())
def test_two_parts_of_a_body_are_the_whole(
    body: dict[str, Any], indent: int | None, is_ascii: bool
) -> None:
    """In whatever order, with whatever blanks and characters."""
    text = json.dumps(body, indent=indent, ensure_ascii=is_ascii).encode()
    assert whole(text) == parse_json(text)


@given(
    bodies,
    st.integers(0, 200),
    st.sampled_from([b"", b"}", b"]", b",", b'"', b"{", b"\\", b"\xff", b"NaN", b":"]),
)
def test_broken_body_is_refused_in_parts_as_it_is_whole(
    body: dict[str, Any], place: int, piece: bytes
) -> None:
    """A body with something more or less in it is read alike, or refused by both."""
    text = json.dumps(body).encode()
    place %= len(text)
    for broken in (text[:place] + piece + text[place:], text[:place] + piece + text[place + 1 :]):
        try:
            expected = parse_json(broken)
        except RequestError:
            expected = None
        if not isinstance(expected, dict):
            expected = None
        assert whole(broken) == expected


@pytest.mark.parametrize(
    "text",
    [
        b'{"arguments": [{}], "arguments": [{}]}',
        b'{"arguments": [{"a": 1, "a": 2}]}',
        b'{"arguments": [{"a": NaN}]}',
        b'{"arguments": [{"a": "\\ud800"}]}',
        b'{"arguments": [{"a": "\xff"}]}',
        b'{"arguments": [{} {}]}',
        b'{"arguments": [{},]}',
        b'{"arguments": [{}]} x',
        b'[{"arguments": [{}]}]',
        b"",
    ],
)
def test_what_strict_json_forbids_is_forbidden_in_a_batch(text: bytes) -> None:
    """Between the sets as in them."""
    assert whole(text) is None


def test_more_sets_than_may_be_are_refused_before_they_are_read() -> None:
    """What comes after the last that may be is not looked at."""
    with pytest.raises(InvalidArguments, match="too large") as caught:
        parse_batch(b'{"arguments": [' + b"{}," * 10 + b"broken", **LIMITS)
    assert caught.value.problems[0].pointer == "/arguments"


def test_set_larger_than_a_job_may_be_is_named() -> None:
    """A batch is no way around the limit of a job's body."""
    with pytest.raises(InvalidArguments) as caught:
        parse_batch(
            b'{"arguments": [{}, {"a": "%s"}]}' % (b"x" * 9_990 + b'", "b": "' + b"x" * 100),
            **LIMITS,
        )
    assert caught.value.problems[0].pointer == "/arguments/1"


def test_long_text_is_refused_before_a_parser_copies_it() -> None:
    """Wherever it stands: one character of another plane would make four bytes of each."""
    for body in (
        b'{"task": "%b", "arguments": [{}]}',
        b'{"task": "a", "arguments": [{"x": "%b"}]}',
    ):
        with pytest.raises(RequestError, match="too long a text"):
            parse_batch(body % (b"a" * 5_000), most_sets=10, most_bytes=1_000)


def test_marks_in_texts_are_not_counted_as_values() -> None:
    """A text may hold as many commas and brackets as it likes; only values and names count."""
    require_few_values(b'["' + b'\\",[{:' * MAX_VALUES + b'"]')
    require_few_values(b"[" + b"[]," * (MAX_CONTAINERS - 2) + b"[]]")
    with pytest.raises(RequestError, match="lists and objects"):
        require_few_values(b"[" + b"[]," * MAX_CONTAINERS + b"[]]")
    with pytest.raises(RequestError, match="at most"):
        require_few_values(b"[" + b"0," * MAX_VALUES + b"0]")
    with pytest.raises(RequestError, match="at most"):
        require_few_values(b'["' + b'","' * MAX_VALUES + b'"]')
