"""A file to send, from its path or from an open stream."""

from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import BinaryIO, TypeAlias

from gatehouse.protocol.requests import upload_file
from gatehouse.protocol.wire import ApiRequest, StreamedBody

Source: TypeAlias = "str | PathLike[str] | BinaryIO"

_CHUNK = 262_144


def upload(source: Source, *, name: str | None) -> ApiRequest:
    """Return the request that sends ``source`` piece by piece.
    Raises OSError for a path that can't be read."""
    if isinstance(source, str | PathLike):
        path = Path(source)
        size = path.stat().st_size
        return upload_file(
            StreamedBody(chunks=lambda: _chunks_of(path), size=size),
            name=path.name if name is None else name,
            may_repeat=True,
        )
    start = source.tell() if source.seekable() else None
    body = StreamedBody(chunks=lambda: _chunks_from(source, start))
    name = _name_of(source) if name is None else name
    return upload_file(body, name=name, may_repeat=start is not None)


def _chunks_of(path: Path) -> Iterator[bytes]:
    with path.open("rb") as opened:
        yield from _chunks_from(opened, None)


def _chunks_from(stream: BinaryIO, start: int | None) -> Iterator[bytes]:
    if start is not None:
        stream.seek(start)
    while chunk := stream.read(_CHUNK):
        yield chunk


def _name_of(stream: BinaryIO) -> str:
    name = getattr(stream, "name", None)
    return Path(name).name if isinstance(name, str) and name else "upload"
