"""Image headers: what good images say, and what is refused without decoding a pixel."""

import struct
import time
import zlib
from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from flask_api.tasks.web.errors import NotReadable
from flask_api.tasks.web.image_header import ImageHeader, read_header

ENDINGS = {"PNG": "png", "JPEG": "jpg", "GIF": "gif", "WEBP": "webp", "AVIF": "avif", "BMP": "bmp", "TIFF": "tiff"}


def image(kind: str, *, size: tuple[int, int] = (30, 20)) -> bytes:
    """Return a small image of noise."""
    file = BytesIO()
    Image.effect_noise(size, 64).convert("RGB").save(file, kind)
    return file.getvalue()


def chunk(name: bytes, data: bytes) -> bytes:
    """Return one chunk of a PNG, with its checksum."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_claiming(width: int, height: int, *, data: bytes = b"\0" * 100) -> bytes:
    """Return a PNG, correct in form, whose header claims a size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ENDINGS)
def test_good_image_says_its_size_and_format(kind: str) -> None:
    """Every format of the web."""
    assert read_header(image(kind)) == ImageHeader(format=kind, width=30, height=20, extension=ENDINGS[kind])


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP"])
@pytest.mark.parametrize("cut", [10, 100, -20, -6])
def test_image_that_breaks_off_is_refused(kind: str, cut: int) -> None:
    """Wherever it does."""
    with pytest.raises(NotReadable):
        read_header(image(kind)[:cut])


@pytest.mark.parametrize(
    ("width", "height"),
    [(60_000, 60_000), (2**31 - 1, 2**31 - 1), (2**32 - 1, 1), (9_000, 9_000), (1, 80_000_000), (0, 0), (0, 7)],
)
def test_image_that_lies_about_its_size_is_refused(width: int, height: int) -> None:
    """More pixels than we take, more than its bytes can mean, or none."""
    with pytest.raises(NotReadable):
        read_header(png_claiming(width, height))


def test_image_of_one_colour_is_no_lie() -> None:
    """The tightest that a good image gets: a big white page."""
    file = BytesIO()
    Image.new("1", (5_000, 5_000), 1).save(file, "PNG", optimize=True)
    assert read_header(file.getvalue()).width == 5_000


def test_damaged_image_is_refused() -> None:
    """A checksum that is wrong."""
    damaged = bytearray(image("PNG"))
    damaged[200] ^= 1
    with pytest.raises(NotReadable):
        read_header(bytes(damaged))


def test_packed_text_that_unpacks_to_much_is_refused_quickly() -> None:
    """A PNG may have a bomb in its comments."""
    bomb = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(70_000_000)))
    began = time.process_time()
    good = image("PNG")
    with pytest.raises(NotReadable):
        read_header(good[:33] + bomb + good[33:])
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    "data",
    [
        *(
            b"",
            b"\0",
            b"<svg xmlns='http://www.w3.org/2000/svg'/>",
            b"<html>",
            b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        ),
        *(b"\xff\xd8\xff", b"GIF89a", b"BM", b"II*\0", b"RIFF\0\0\0\0WEBP", b"\0\0\1\0\1\0", b"8BPS\0\1", b"P6 9 9 255 "),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's own words about what it can't read
def test_bytes_of_no_known_image_are_refused(data: bytes) -> None:
    """SVG and PostScript are programs; nothing else has its reader asked."""
    with pytest.raises(NotReadable):
        read_header(data)


@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(deadline=None, max_examples=100)
@given(kind=st.sampled_from(sorted(ENDINGS)), place=st.integers(0, 5000), value=st.integers(0, 255))
def test_any_changed_byte_is_an_image_or_refused(kind: str, place: int, value: int) -> None:
    """No other exception comes out of the readers."""
    changed = bytearray(image(kind))
    changed[place % len(changed)] = value
    with suppress(NotReadable):
        read_header(bytes(changed))
