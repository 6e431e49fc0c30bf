"""The largest image of an ICO file: where it is, and what it says of its size.

Not by Pillow, whose reader of these files decodes that image as soon as it opens one. Source:
Windows' ICONDIRENTRY, BITMAPINFOHEADER.
"""

from dataclasses import dataclass

from flask_api.tasks.web.image_formats.bounds import BreaksOff, number, within

MARK = b"\0\0\1\0"
_ENTRY, _FIRST = 16, 6
_INFO_HEADER = 40
_UNCODED, _BIT_FIELDS = 0, 3
_MASKS = 12  # of bit fields, behind the shortest header


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """One image as the directory tells of it."""

    square: int
    depth: int
    start: int


def largest_start(data: bytes) -> int:
    """Return where the largest image begins, of several the one of the fewest colours.
    Raises BreaksOff."""
    places = range(_FIRST, _FIRST + _ENTRY * number(data, 4, 2, "little"), _ENTRY)
    entries = [_entry(data, at) for at in places]
    if not entries:
        raise BreaksOff("no image in it")
    return min(entries, key=lambda each: (-each.square, each.depth)).start


def _entry(data: bytes, at: int) -> _Entry:
    width, height, colours = (number(data, at + place, 1, "little") for place in range(3))
    bits, start = number(data, at + 6, 2, "little"), number(data, at + 12, 4, "little")
    square = (width or 256) * (height or 256)
    return _Entry(square=square, depth=bits or max(0, colours - 1).bit_length() or 256, start=start)


def bitmap_size(data: bytes, start: int) -> tuple[int, int, int]:
    """Return width and height of the bitmap that begins there, and where its pixels end. Its height
    counts a mask of one bit as well, which some writers leave out. Raises BreaksOff."""
    header = number(data, start, 4, "little")
    if not _INFO_HEADER <= header <= 128:
        raise BreaksOff(f"no bitmap at {start}")
    width, both, bits = (
        number(data, start + place, size, "little") for place, size in ((4, 4), (8, 4), (14, 2))
    )
    coded, colours = (number(data, start + place, 4, "little") for place in (16, 32))
    if coded not in (_UNCODED, _BIT_FIELDS) or bits not in (1, 4, 8, 16, 24, 32):
        raise BreaksOff(f"no bitmap of an icon at {start}")
    height = (abs(both - (1 << 32)) if both >> 31 else both) // 2
    palette = 4 * (colours or (1 << bits)) if bits <= 8 else 0
    masks = _MASKS if coded == _BIT_FIELDS and header == _INFO_HEADER else 0
    pixels = (width * bits + 31) // 32 * 4 * height
    return width, height, within(data, start + header + palette + masks + pixels)
