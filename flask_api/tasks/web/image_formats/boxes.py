"""Where an AVIF ends: behind the boxes it has, and no box or item reaches beyond them. Source:
ISO/IEC 14496-12, 8.11.3."""

from collections.abc import Iterator

from flask_api.tasks.web.image_formats.bounds import BreaksOff, number, piece, within

_TO_THE_END = 0
_LARGE = 1
_OF_FILES = frozenset(
    {
        b"ftyp",
        b"meta",
        b"mdat",
        b"moov",
        b"moof",
        b"free",
        b"skip",
        b"idat",
        b"uuid",
        b"mfra",
        b"sidx",
        b"styp",
    }
)
_IN_FILE = 0  # a construction method: the extent is in the file, not in another box or item


def avif_end(data: bytes) -> int:
    """Return where the last box ends. What follows and is no box is behind the end.
    Raises BreaksOff."""
    end, items_end, names = 0, 0, set[bytes]()
    while end < len(data):
        try:
            name, start, after = _box(data, end, len(data))
        except BreaksOff:
            if data[end + 4 : end + 8] in _OF_FILES:
                raise
            break
        if name not in _OF_FILES and b"meta" in names and items_end <= end:
            break  # a stray word behind a whole image
        names.add(name)
        if name == b"meta":
            items_end = max(items_end, _items_end(data, start, after))
        end = after
    if b"meta" not in names and b"moov" not in names:
        raise BreaksOff("no box says what is in it")
    return within(data, max(end, items_end))


def _box(data: bytes, at: int, limit: int) -> tuple[bytes, int, int]:
    """Return a box's name, and where what is in it begins and ends."""
    size, name, start = number(data, at, 4, "big"), piece(data, at + 4, 4), at + 8
    if size == _LARGE:
        size, start = number(data, start, 8, "big"), start + 8
    end = limit if size == _TO_THE_END else at + size
    if not start <= end <= limit:
        raise BreaksOff(f"the box at {at}")
    return name, start, end


def _items_end(data: bytes, start: int, end: int) -> int:
    """Return where the last of the items ends that a ``meta`` box places in the file."""
    at = start + 4
    while at < end:
        name, inner, at = _box(data, at, end)
        if name == b"iloc":
            return max(_extents(data, inner), default=0)
    return 0


def _extents(data: bytes, at: int) -> Iterator[int]:
    version, sizes = piece(data, at, 1)[0], piece(data, at + 4, 2)
    offset_size, length_size, base_size, index_size = (
        sizes[0] >> 4,
        sizes[0] & 15,
        sizes[1] >> 4,
        sizes[1] & 15,
    )
    wide = 4 if version == 2 else 2
    items, at = number(data, at + 6, wide, "big"), at + 6 + wide
    for _ in range(items):
        at += wide
        method = number(data, at, 2, "big") & 15 if version else _IN_FILE
        at += (2 if version else 0) + 2
        base, extents = number(data, at, base_size, "big"), number(data, at + base_size, 2, "big")
        at += base_size + 2
        for _ in range(extents):
            at += index_size if version else 0
            offset = number(data, at, offset_size, "big")
            length = number(data, at + offset_size, length_size, "big")
            at += offset_size + length_size
            if not offset_size + length_size:
                return  # nothing is read for it: a count alone must not keep us busy
            yield base + offset + length if method == _IN_FILE else 0
