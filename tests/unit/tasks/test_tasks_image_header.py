"""Image headers: what good images say, and what is refused without decoding a pixel."""

import struct
import time
import zlib
from contextlib import suppress
from dataclasses import replace
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from flask_api.tasks.web.errors import NotReadable
from flask_api.tasks.web.image_header import ImageHeader, read_header

ENDINGS = {
    "PNG": "png",
    "JPEG": "jpg",
    "GIF": "gif",
    "WEBP": "webp",
    "AVIF": "avif",
    "BMP": "bmp",
    "TIFF": "tiff",
}


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
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(data))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("kind", ENDINGS)
def test_good_image_says_its_size_and_format(kind: str) -> None:
    """Every format of the web."""
    assert read_header(image(kind)) == ImageHeader(
        format=kind, width=30, height=20, extension=ENDINGS[kind]
    )


def plain_tiff(order: str) -> bytes:
    """Return an uncompressed TIFF whose pixels are last, as many programs write it."""
    tags = [
        (256, 30),
        (257, 20),
        (258, 8),
        (259, 1),
        (262, 1),
        (273, 128),
        (277, 1),
        (278, 20),
        (279, 600),
    ]
    entries = b"".join(struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in tags)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, len(tags))
    return (head + entries + bytes(4)).ljust(128, b"\0") + bytes(range(200)) * 3


def animated(kind: str) -> bytes:
    """Return three pictures in one file."""
    file = BytesIO()
    frames = [Image.effect_noise((30, 20), 64).convert("P") for _ in range(3)]
    frames[0].save(file, kind, save_all=True, append_images=frames[1:])
    return file.getvalue()


def with_comment(comment: bytes) -> bytes:
    """Return a JPEG with a comment, which may hold what ends a JPEG elsewhere."""
    file = BytesIO()
    Image.effect_noise((30, 20), 64).save(
        file, "JPEG", comment=comment, progressive=True, restart_marker_blocks=1
    )
    return file.getvalue()


WHOLE = {
    **{kind: image(kind) for kind in ENDINGS},
    "ICO": image("ICO"),
    "little TIFF": plain_tiff("<"),
    "big TIFF": plain_tiff(">"),
    "pages": animated("TIFF"),
    "animated GIF": animated("GIF"),
    "animated PNG": animated("PNG"),
    "animated WebP": animated("WEBP"),
    "JPEG with an end in a comment": with_comment(b"\xff\xd9" * 20),
}


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's own words about what it can't read
@pytest.mark.parametrize("name", WHOLE)
def test_image_that_is_cut_at_any_byte_is_refused(name: str) -> None:
    """Also where the last byte looks like an end; WebP's last may be filling."""
    data = WHOLE[name]
    # Pillow puts filling behind the pages of a TIFF
    last = len(data) - read_header(data).trailing_bytes - 1
    for end in range(last) if last < 2000 else [*range(0, last, 97), *range(last - 40, last)]:
        with pytest.raises(NotReadable):
            read_header(data[:end])


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize(
    "behind", [b"\0", b"\r\n", b"<html>not found</html>", b"\x3b", b"\xff\xd9", bytes(3000)]
)
def test_bytes_behind_the_end_are_accepted_and_counted(name: str, behind: bytes) -> None:
    """Cameras and old scripts put things there; browsers show the image."""
    alone = read_header(WHOLE[name])
    trailing = alone.trailing_bytes + len(behind)
    assert read_header(WHOLE[name] + behind) == replace(alone, trailing_bytes=trailing)


@pytest.mark.parametrize("kind", ["JPEG", "TIFF", "PNG", "WEBP", "AVIF"])
def test_size_is_the_stored_one_whatever_the_orientation(kind: str) -> None:
    """One rule for all formats: a picture that is shown turned by 90 degrees has the size that its
    data have."""
    file = BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.effect_noise((30, 20), 64).convert("RGB").save(file, kind, exif=exif)
    header = read_header(file.getvalue())
    assert (header.width, header.height) == (30, 20)


def test_pages_that_lie_over_each_other_are_refused_quickly() -> None:
    """A TIFF of small pages that share one long list of strips would be read for ever."""
    strips = 20_000
    head = b"II*\0" + struct.pack("<I", 8)
    page = struct.pack("<H", 5) + b"".join(
        struct.pack("<HHII", *entry)
        for entry in [
            (256, 4, 1, 1),
            (257, 4, 1, 1),
            (273, 4, strips, 0),
            (279, 4, strips, 0),
            (262, 4, 1, 1),
        ]
    )
    size = len(page) + 4
    data = head + b"".join(
        page + struct.pack("<I", 8 + size * (number + 1)) for number in range(1000)
    )
    data += bytes(strips * 4)
    began = time.process_time()
    with pytest.raises(NotReadable):
        read_header(data)
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("width", "height"),
    [
        (60_000, 60_000),
        (2**31 - 1, 2**31 - 1),
        (2**32 - 1, 1),
        (9_000, 9_000),
        (1, 80_000_000),
        (0, 0),
        (0, 7),
    ],
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
        *(
            b"\xff\xd8\xff",
            b"GIF89a",
            b"BM",
            b"II*\0",
            b"RIFF\0\0\0\0WEBP",
            b"\0\0\1\0\1\0",
            b"8BPS\0\1",
            b"P6 9 9 255 ",
        ),
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
