"""ICO files: the size of the largest image in them, without decoding it."""

import struct
import subprocess
import sys
import zlib
from io import BytesIO

import pytest
from PIL import Image

from flask_api.tasks.web.errors import NotReadable
from flask_api.tasks.web.image_header import read_header
from tests.unit.tasks.test_tasks_image_header import chunk, png_claiming

SIDE = 6000
_PEAK = """
import resource, sys
from flask_api.tasks.web.image_header import read_header
data = sys.stdin.buffer.read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
header = read_header(data)
print(header.width, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def icon(*images: bytes, sides: tuple[int, ...] = (0,), bits: int = 32) -> bytes:
    """Return an ICO file of these images; a side of 0 means 256."""
    at, entries = 6 + 16 * len(images), b""
    for side, data in zip(sides, images, strict=True):
        entries += struct.pack("<BBBBHHII", side, side, 0, 0, 1, bits, len(data), at)
        at += len(data)
    return struct.pack("<HHH", 0, 1, len(images)) + entries + b"".join(images)


def bitmap(width: int, height: int, *, bits: int = 32, coded: int = 0) -> bytes:
    """Return a bitmap as icons have it, without a mask."""
    head = struct.pack("<IiiHHIIiiII", 40, width, 2 * height, 1, bits, coded, 0, 0, 0, 0, 0)
    palette = bytes(4 << bits) if bits <= 8 else b""
    return head + palette + bytes((width * bits + 31) // 32 * 4 * height)


def large_png() -> bytes:
    """Return a PNG of one colour: 36 megabytes in 36 thousand."""
    rows = zlib.compress(bytes(SIDE + 1) * SIDE)
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


def test_image_in_an_icon_is_not_decoded() -> None:
    """Pillow's reader decodes it when it opens the file: 16 at once would be gigabytes."""
    done = subprocess.run(
        [sys.executable, "-c", _PEAK], input=icon(large_png()), capture_output=True, check=True
    )
    width, kilobytes = map(int, done.stdout.split())
    assert width == SIDE
    assert kilobytes < 20_000


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, where an entry lies about its size
@pytest.mark.parametrize("kind", ["png", "bmp"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1"])
def test_icon_has_the_size_that_pillow_finds(kind: str, mode: str) -> None:
    """Of several images the largest, whatever they are written in."""
    file = BytesIO()
    sizes = [(16, 16), (48, 48), (32, 20)]
    Image.effect_noise((64, 64), 64).convert(mode).save(
        file, "ICO", sizes=sizes, bitmap_format=kind
    )
    with Image.open(BytesIO(file.getvalue())) as image:
        expected = image.size
    header = read_header(file.getvalue())
    assert (header.width, header.height) == expected
    assert (header.format, header.extension, header.trailing_bytes) == ("ICO", "ico", 0)


@pytest.mark.parametrize("bits", [1, 4, 8, 16, 24, 32])
def test_bitmap_without_a_mask_is_an_image(bits: int) -> None:
    """Of any depth; without its last byte it is none."""
    data = bitmap(30, 20, bits=bits)
    header = read_header(icon(bitmap(8, 8), data, sides=(8, 30)))
    assert (header.width, header.height) == (30, 20)
    with pytest.raises(NotReadable):
        read_header(icon(data[:-1], sides=(30,)))


@pytest.mark.parametrize(
    "data",
    [
        icon(sides=()),
        icon(b""),
        icon(b"\0" * 200),
        icon(bitmap(30, 20, coded=1)),
        icon(bitmap(30, 20, bits=32)[:14] + b"\7" + bitmap(30, 20)[15:]),
        icon(png_claiming(60_000, 60_000)),
        icon(png_claiming(0, 7)),
        icon(bitmap(0, 7)),
        icon(struct.pack("<IiiHHIIiiII", 40, 1 << 30, 2, 1, 1, 0, 0, 0, 0, 0, 0) + bytes(500)),
        b"\0\0\1\0\xff\xff" + bytes(100),
        b"\0\0\1\0\1\0" + bytes(12) + b"\xff\xff\xff\xff",
        icon(icon(bitmap(30, 20))),
    ],
)
def test_icon_that_has_no_image_or_lies_is_refused(data: bytes) -> None:
    """No entry, none at its place, one of another kind, one larger than its bytes can mean."""
    with pytest.raises(NotReadable):
        read_header(data)
