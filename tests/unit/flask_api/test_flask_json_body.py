"""Reading JSON strictly: what two parsers could read differently is refused,
and nothing is a 500."""

import json
from contextlib import suppress

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from flask_api.http.json_body import MAX_NESTING, UnsupportedMediaType, parse_json, read_json_object
from flask_api.jobs.errors import InvalidArguments
from flask_api.jobs.tasks.task import task
from shared.errors import RequestError


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "not JSON"),
        (b"   ", "not JSON"),
        (b"{", "not JSON"),
        (b'{"a": 1,}', "not JSON"),
        (b"[1, 2,]", "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b"{a: 1}", "not JSON"),
        (b"1 2", "not JSON"),
        (b"// comment\n1", "not JSON"),
        (b'"a\nb"', "not JSON"),
        (b'"\x00"', "not JSON"),
        (b"01", "not JSON"),
        (b"+1", "not JSON"),
        (b"0x10", "not JSON"),
        (b"NaN", "NaN is not a JSON number"),
        (b"[Infinity]", "Infinity is not a JSON number"),
        (b'{"a": -Infinity}', "-Infinity is not a JSON number"),
        (b"1e999", "the number 1e999 is out of range"),
        (b"[-1e999]", "the number -1e999 is out of range"),
        (b"9" * 5000, "has 5000 digits, at most 4300 are read."),
        (b'{"a": 1, "a": 1}', "the name 'a' comes twice"),
        (b'{"a": 1, "\\u0061": 2}', "the name 'a' comes twice"),
        (b'[{"x": {"b": 1, "c": 2, "b": 3}}]', "the name 'b' comes twice"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b"\xff\xfe{\x00}\x00", "not UTF-8"),
        (b'{"a": "\xe9"}', "not UTF-8"),
        (b'"\xed\xa0\x80"', "not UTF-8"),
        (b'"\\ud800"', "not UTF-8"),
        (b'{"\\udc00": 1}', "not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "nested too deeply"),
    ],
)
def test_text_that_parsers_differ_on_is_refused(text: bytes, said: str) -> None:
    """Each is refused with the reason, in one short message."""
    with pytest.raises(RequestError) as caught:
        parse_json(text)
    assert said in caught.value.message
    assert len(caught.value.message) < 400


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"{}", {}),
        (b' \n{"a": [1, 2.5, "x", null, true, false]}\t', {"a": [1, 2.5, "x", None, True, False]}),
        (b'{"": 1, " ": 2}', {"": 1, " ": 2}),
        (b'[{"a": 1}, {"a": 2}]', [{"a": 1}, {"a": 2}]),
        ('"é😀"'.encode(), "é😀"),
        (b'"\\ud83d\\ude00"', "😀"),
        (b"1e308", 1e308),
        (b"-0", 0),
        (b"1" * 1000, int("1" * 1000)),
    ],
)
def test_json_is_read_as_it_is(text: bytes, value: object) -> None:
    """What every parser reads alike is accepted."""
    assert parse_json(text) == value


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)


@given(json_values)
def test_any_json_value_is_read_back(value: object) -> None:
    """Whatever JSON can hold is read back the same."""
    assert parse_json(json.dumps(value).encode()) == value
    assert parse_json(json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(text: bytes) -> None:
    """No bytes raise anything but the one error."""
    with suppress(RequestError):
        parse_json(text)


def test_nesting_is_bounded_at_one_depth() -> None:
    """The bound is ours, not what is left of the interpreter's stack."""
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
        parse_json(opening * MAX_NESTING + b"1" + closing * MAX_NESTING)
        with pytest.raises(RequestError, match="nested too deeply"):
            parse_json(opening * (MAX_NESTING + 1) + b"1" + closing * (MAX_NESTING + 1))


def test_deepest_accepted_arguments_are_checked_without_a_crash() -> None:
    """What the body's reader accepts, the check of the arguments can read too:
    it is deeper in the stack."""

    @task("text.length")
    def length(text: str) -> int:
        """Return the length."""
        return len(text)

    accepted = []
    for depth in range(1, 1001):
        try:
            accepted.append(parse_json(b"[" * depth + b"]" * depth))
        except RequestError:
            break

    def check_deeper(frames: int) -> None:
        if frames:
            check_deeper(frames - 1)
        else:
            length.check({"text": accepted[-1]})

    with pytest.raises(InvalidArguments):
        check_deeper(20)


app = Flask(__name__)


@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; charset=utf-8", "Application/JSON"]
)
def test_object_of_the_right_type_is_read(kind: str) -> None:
    """The media type may have parameters and any case."""
    with app.test_request_context(data=b'{"a": 1}', content_type=kind, method="POST"):
        assert read_json_object() == {"a": 1}


@pytest.mark.parametrize(
    "kind",
    [None, "", "text/plain", "text/json", "application/x-www-form-urlencoded", "application/jsonx"],
)
def test_body_of_another_type_is_refused(kind: str | None) -> None:
    """A form on another site can't send application/json: no other type is read."""
    with (
        app.test_request_context(data=b"{}", content_type=kind, method="POST"),
        pytest.raises(UnsupportedMediaType),
    ):
        read_json_object()


@pytest.mark.parametrize("text", [b"[]", b'"x"', b"1", b"null", b"true"])
def test_json_that_is_no_object_is_refused(text: bytes) -> None:
    """The body is always an object."""
    with (
        app.test_request_context(data=text, content_type="application/json", method="POST"),
        pytest.raises(RequestError, match="must be a JSON object"),
    ):
        read_json_object()
