"""Read a JSON object from the request, strictly:
what two parsers could read differently is refused.

RFC 8259 leaves duplicate names and NaN to the parser; RFC 7493 (I-JSON) and we refuse them. Nesting
is bounded: Python's parser would answer 100,000 brackets with a RecursionError,
and what it just accepts would overflow where it is read next.
"""

import json
from typing import IO, Any

from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from flask_api.gate.state import this_request
from flask_api.http.json_size import is_nested_deeper, require_few_values
from shared.errors import RequestError
from shared.strict_json import finite, members_once, refuse_constant, refuse_long, whole

_JSON = "application/json"
# Levels of arrays and objects. Far below the interpreter's limit, far above what arguments need.
MAX_NESTING = 64
# Beyond it a float no longer says which integer was meant.
MAX_EXACT = 2**53
NOT_AN_OBJECT = 'The body must be a JSON object, such as {"task": "primes.sum", "arguments": {}}.'


class UnsupportedMediaType(RequestError):
    """The body is not application/json."""

    code = "unsupported_media_type"


def read_json_object() -> dict[str, Any]:
    """Return the request's body as a JSON object.

    Raises UnsupportedMediaType, or RequestError naming what is wrong;
    a body over the limit is Flask's 413.
    """
    return parse_json_object(read_json_text())


def read_json_text() -> bytes:
    """Return the request's body, which says that it is JSON. Raises as read_json_object does."""
    sent = this_request()
    if sent.environ.get("CONTENT_TYPE") != _JSON and sent.mimetype != _JSON:
        raise UnsupportedMediaType(f"Send the body as Content-Type: {_JSON}.")
    length, most = sent.content_length, sent.max_content_length
    if length is not None and most is not None:
        return _read(sent.input_stream, length, most=most)
    text = sent.get_data(cache=False)
    # A chunked body over the limit is cut there by werkzeug, not refused:
    # half a body must not be read as a whole one.
    if len(text) == most:
        raise RequestEntityTooLarge
    return text


def _read(stream: IO[bytes], length: int, *, most: int) -> bytes:
    """Return a body of known length, as werkzeug reads it through several layers.
    Raises RequestEntityTooLarge, and ClientDisconnected for half of one."""
    if length > most:
        raise RequestEntityTooLarge
    try:
        text = stream.read(length)
        while len(text) < length:
            more = stream.read(length - len(text))
            if not more:
                raise ClientDisconnected
            text += more
    except (OSError, ValueError) as error:
        raise ClientDisconnected from error
    return text


def parse_json_object(text: bytes) -> dict[str, Any]:
    """Return the JSON object that a body is, or raise RequestError."""
    body = parse_json(text)
    if not isinstance(body, dict):
        raise RequestError(NOT_AN_OBJECT)
    return body


def parse_json(text: bytes) -> Any:
    """Return the value of UTF-8 JSON text, or raise RequestError."""
    require_few_values(text)
    try:
        value = json.loads(
            text.decode("utf-8"),
            object_pairs_hook=members_once,
            parse_constant=refuse_constant,
            parse_float=_finite,
            parse_int=whole,
        )
        if is_nested_deeper(text, MAX_NESTING):
            raise RecursionError
        if b"\\u" in text:
            # A lone surrogate (\ud800) isn't text: nothing could store or send it again.
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeError as error:
        raise RequestError("The body is not UTF-8 text.") from error
    except RecursionError as error:
        raise RequestError("The body is nested too deeply.") from error
    except ValueError as error:
        raise RequestError(f"The body is not JSON: {error}.") from error
    return value


def _finite(text: str) -> float:
    """Return the number; one without a fraction is an integer, as in JSON Schema:
    2.0 fits what takes 2."""
    refuse_long(text)
    number = finite(text)
    return int(number) if number.is_integer() and abs(number) <= MAX_EXACT else number
