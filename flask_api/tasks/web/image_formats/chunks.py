"""Where a PNG, JPEG, GIF, WebP, BMP or ICO file ends, by its chunks, segments and blocks:
linear, and no pixel is decoded.

Source: W3C PNG 5.3; ITU T.81 annex B; GIF89a; RFC 9649 2.3;
Windows' BITMAPFILEHEADER and ICONDIRENTRY.
"""

import re

from flask_api.tasks.web.image_formats.bounds import BreaksOff, number, piece, within

# In coded data FF 00 is a byte FF, FF D0 to D7 begin again, and FF FF is filling.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_EOI, _SOS, _ALONE = 0xD9, 0xDA, frozenset({0x01, 0xD8})
_CORE_HEADER = 12
_COMPRESSED = frozenset({1, 2, 4, 5})  # run-length codes, JPEG and PNG in a BMP


def png_end(data: bytes) -> int:
    """Return where IEND ends."""
    at = 8
    while True:
        name = piece(data, at + 4, 4)
        at = within(data, at + 12 + number(data, at, 4, "big"))
        if name == b"IEND":
            return at


def jpeg_end(data: bytes) -> int:
    """Return where the first image's EOI ends; an MPO has others behind it."""
    at = 2
    while marker := _MARKER.search(data, at):
        kind, at = data[marker.end() - 1], marker.end()
        if kind == _EOI:
            return at
        if kind not in _ALONE:
            at += max(2, number(data, at, 2, "big"))
    raise BreaksOff("no EOI")


def gif_end(data: bytes) -> int:
    """Return where the trailer ends. A trailer's byte within a block is none."""
    at = 13 + _gif_colours(piece(data, 10, 1)[0])
    while (kind := piece(data, at, 1)) != b";":
        if kind == b",":
            at = _blocks_end(data, at + 11 + _gif_colours(piece(data, at + 9, 1)[0]))
        elif kind == b"!":
            at = _blocks_end(data, at + 2)
        elif kind == b"\0":  # filling of some old writers, which every reader skips
            at += 1
        else:
            raise BreaksOff(f"no block at {at}")
    return at + 1


def _gif_colours(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _blocks_end(data: bytes, at: int) -> int:
    while size := piece(data, at, 1)[0]:
        at += 1 + size
    return at + 1


def webp_end(data: bytes) -> int:
    """Return where the RIFF file ends; its last byte may be filling that is left out."""
    return within(data, 8 + number(data, 4, 4, "little"))


def bmp_end(data: bytes) -> int:
    """Return where the pixels end, or the file by its own word. Not by that word alone:
    some writers say 0."""
    start, size = number(data, 10, 4, "little"), number(data, 2, 4, "little")
    if number(data, 14, 4, "little") == _CORE_HEADER:
        width, height, bits = (number(data, at, 2, "little") for at in (18, 20, 24))
        coded = 0
    else:
        width, height = (_signed(number(data, at, 4, "little")) for at in (18, 22))
        bits, coded = number(data, 28, 2, "little"), number(data, 30, 4, "little")
    pixels = (
        number(data, 34, 4, "little")
        if coded in _COMPRESSED
        else (width * bits + 31) // 32 * 4 * abs(height)
    )
    return within(data, max(start + pixels, size))


def _signed(unsigned: int) -> int:
    return unsigned - (1 << 32) if unsigned >> 31 else unsigned


def ico_end(data: bytes) -> int:
    """Return where the last of its images ends."""
    ends = [6]
    for entry in range(number(data, 4, 2, "little")):
        at = 6 + 16 * entry
        ends.append(number(data, at + 12, 4, "little") + number(data, at + 8, 4, "little"))
    return within(data, max(ends))
