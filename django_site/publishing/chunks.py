"""How many rows or entries are looked at together,
so that any number of them takes bounded memory."""

from collections.abc import Iterable, Iterator

CHUNK = 500


def chunked(ids: Iterable[str]) -> Iterator[list[str]]:
    """Yield lists of at most CHUNK ids."""
    chunk: list[str] = []
    for id_ in ids:
        chunk.append(id_)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
