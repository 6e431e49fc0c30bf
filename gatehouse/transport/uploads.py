"""A file to send, from its path or from an open stream."""

import stat
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import BinaryIO, TypeAlias

from gatehouse.protocol.requests import upload_file
from gatehouse.protocol.wire import ApiRequest, StreamedBody

Source: TypeAlias = "str | PathLike[str] | BinaryIO"

_CHUNK = 262_144


def upload(source: Source, *, name: str | None) -> ApiRequest:
    """Return the request that sends ``source`` piece by piece: a file as long as it is now.
    Raises OSError for a path that can't be read."""
    if isinstance(source, str | PathLike):
        path = Path(source)
        about = path.stat()
        is_file = stat.S_ISREG(about.st_mode)  # a pipe has no size, and can be read once only
        size = about.st_size if is_file and about.st_size else None  # /proc says 0 of what it has
        return upload_file(
            StreamedBody(chunks=lambda: _chunks_of(path, size), size=size),
            name=path.name if name is None else name,
            may_repeat=is_file,
        )
    start = source.tell() if source.seekable() else None
    body = StreamedBody(chunks=lambda: _chunks_from(source, start))
    name = _name_of(source) if name is None else name
    return upload_file(body, name=name, may_repeat=start is not None)


def _chunks_of(path: Path, size: int | None) -> Iterator[bytes]:
    """Yield a file's bytes, exactly ``size``: so many were announced, and a log grows meanwhile."""
    with path.open("rb") as opened:
        if size is None:
            yield from _chunks_from(opened, None)
            return
        left = size
        while left and (chunk := opened.read(min(_CHUNK, left))):
            left -= len(chunk)
            yield chunk
    if left:
        raise OSError(f"{path} became shorter while it was sent")


def _chunks_from(stream: BinaryIO, start: int | None) -> Iterator[bytes]:
    if start is not None:
        stream.seek(start)
    while chunk := stream.read(_CHUNK):
        yield chunk


def _name_of(stream: BinaryIO) -> str:
    name = getattr(stream, "name", None)
    return Path(name).name if isinstance(name, str) and name else "upload"
