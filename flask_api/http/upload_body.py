"""Read an uploaded file from the request, piece by piece: it is never whole in memory.

The body is the file, of any media type, or multipart/form-data with this one part::

    curl --data-binary @access.log 'https://.../api/files?name=access.log'
    curl -F file=@access.log https://.../api/files
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from flask import request
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData

from flask_api.jobs.errors import UploadTooLarge
from shared.errors import RequestError

_PIECE = 65_536
# What multipart/form-data adds to a file: boundaries, headers,
# what stands before the first and after the last part.
_FRAME_MAX = 1 << 20
# Held while the decoder looks for the end of a part's headers:
# each of them costs far more than its bytes.
_HEADERS_MAX = 2 * _PIECE
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadBody:
    """A file on its way: its name, at most how many bytes it has (None: unknown), and its content,
    to be read once."""

    name: str
    size: int | None
    pieces: Iterator[bytes]


def read_upload(*, name: str | None, largest: int) -> UploadBody:
    """Return the file that the request carries.
    Raises UploadTooLarge before anything is read, and RequestError.

    ``name`` is what the query says; the part's own file name is used where it says nothing.
    """
    length = request.content_length
    is_form = request.mimetype == "multipart/form-data"
    frame = _FRAME_MAX if is_form else 0
    if length is not None and length > largest + frame:
        raise UploadTooLarge(f"The file is too large: it must be at most {largest} bytes.")
    request.max_content_length = largest + _FRAME_MAX
    if not is_form:
        return UploadBody(name=file_name(name or "upload"), size=length, pieces=_pieces())
    sent_name, pieces = _only_file(_pieces())
    return UploadBody(name=file_name(name or sent_name or "upload"), size=length, pieces=pieces)


def file_name(text: str) -> str:
    """Return the last part of what may be a path,
    or raise RequestError if that isn't a valid file name."""
    name = re.split(r"[/\\]", text)[-1].strip()
    if not 1 <= len(name) <= 255 or name in (".", "..") or _CONTROL.search(name):
        raise RequestError(
            "name must have 1 to 255 characters, no control characters, and not be '.' or '..'."
        )
    return name


def _pieces() -> Iterator[bytes]:
    """Yield the body. One that ends early isn't a whole file:
    raises ClientDisconnected, which some servers leave to us."""
    received = 0
    while piece := request.stream.read(_PIECE):
        received += len(piece)
        yield piece
    if request.content_length not in (None, received):
        raise ClientDisconnected


def _only_file(body: Iterator[bytes]) -> tuple[str, Iterator[bytes]]:
    """Return the file name and the content of the only part of a form."""
    boundary = request.mimetype_params.get("boundary", "")
    if not 1 <= len(boundary) <= 200:
        raise RequestError("The Content-Type multipart/form-data needs a boundary.")
    events = _events(body, MultipartDecoder(boundary.encode(), max_form_memory_size=_HEADERS_MAX))
    for event in events:
        if isinstance(event, File):
            return event.filename, _content(events)
        _refuse_other_parts(event)
    raise RequestError(
        "The form has no file: send it as one part with a file name, as curl -F file=@name does."
    )


def _content(events: Iterator[Event]) -> Iterator[bytes]:
    for event in events:
        if isinstance(event, Data):
            yield event.data
        _refuse_other_parts(event)


def _refuse_other_parts(event: Event) -> None:
    if isinstance(event, Field | File):
        raise RequestError(
            f"The form has another part, {str(event.name)[:100]!r}: it must have one "
            "file and nothing else."
        )


def _events(body: Iterator[bytes], decoder: MultipartDecoder) -> Iterator[Event]:
    try:
        while True:
            event = decoder.next_event()
            if isinstance(event, NeedData):
                decoder.receive_data(next(body, None))
            elif isinstance(event, Epilogue):
                return
            else:
                yield event
    except RequestEntityTooLarge as error:
        raise RequestError(
            f"The form has more than {_HEADERS_MAX} bytes before its file's first."
        ) from error
    except ValueError as error:
        raise RequestError("The body is not well-formed multipart/form-data.") from error
