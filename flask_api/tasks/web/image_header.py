"""What an image says about itself, read from its header:
no pixel is decoded, so a bomb stays as small as it was sent.

Refused are what is no image, one whose data break off, and one whose header claims more pixels than
we take or than its bytes can mean. Width and height are as stored, in every format:
an orientation (EXIF, TIFF's tag) is not applied.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO

from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from flask_api.tasks.web.errors import NotReadable
from flask_api.tasks.web.image_formats.bounds import BreaksOff
from flask_api.tasks.web.image_formats.boxes import avif_end
from flask_api.tasks.web.image_formats.chunks import (
    bmp_end,
    gif_end,
    ico_end,
    jpeg_end,
    png_end,
    webp_end,
)
from flask_api.tasks.web.image_formats.ico import MARK as ICO_MARK
from flask_api.tasks.web.image_formats.ico import bitmap_size, largest_start
from flask_api.tasks.web.image_formats.tiff import tiff_end

# Only these of Pillow's readers ever see a stranger's bytes. None decodes a pixel when it opens a
# file; that of ICO does.
_READERS = ("PNG", "JPEG", "GIF", "WEBP", "AVIF", "BMP", "TIFF")
_PNG_MARK = b"\x89PNG\r\n\x1a\n"
# MPO: a JPEG with another one behind it.
_EXTENSIONS = {
    "AVIF": "avif",
    "BMP": "bmp",
    "GIF": "gif",
    "JPEG": "jpg",
    "MPO": "jpg",
    "PNG": "png",
    "TIFF": "tiff",
    "WEBP": "webp",
}
# Each walks to the image's end, and raises BreaksOff: Pillow looks at that of a PNG alone.
_ENDS: Mapping[str, Callable[[bytes], int]] = {
    "AVIF": avif_end,
    "BMP": bmp_end,
    "GIF": gif_end,
    "JPEG": jpeg_end,
    "MPO": jpeg_end,
    "PNG": png_end,
    "TIFF": tiff_end,
    "WEBP": webp_end,
}
_TIFF_WIDTH, _TIFF_HEIGHT = 256, 257
# Pillow's own limit, above which it warns.
MAX_PIXELS = 89_478_485
# The tightest coding of real pictures, PNG with one bit for each pixel, reaches 8,256.
MAX_PIXELS_PER_BYTE = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageHeader:
    """An image's format (Pillow's name), its pixels across and down as stored,
    and the ending that its file should have.

    ``trailing_bytes`` are behind the image's end and are no part of it.
    """

    format: str
    width: int
    height: int
    extension: str
    trailing_bytes: int = 0


def read_header(data: bytes) -> ImageHeader:
    """Return what the image says about itself. Raises NotReadable."""
    if data.startswith(ICO_MARK):
        return _read_icon(data)
    try:
        with Image.open(BytesIO(data), formats=_READERS) as image:
            kind, (width, height) = image.format or "", _stored_size(image)
            _refuse_bomb(width * height, len(data))
            image.verify()  # of a PNG every checksum up to its end; of the others nothing
    except NotReadable:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise NotReadable(f"The image claims more than {MAX_PIXELS} pixels.") from error
    # the readers of eight formats raise nearly anything on bytes that are none
    except Exception as error:
        raise NotReadable("The bytes are no image of a known format, or a broken one.") from error
    try:
        end = _ENDS[kind](data)
    except BreaksOff as error:
        raise NotReadable(f"The image breaks off: {error}.") from error
    extension = _EXTENSIONS[kind]
    return ImageHeader(
        format=kind, width=width, height=height, extension=extension, trailing_bytes=len(data) - end
    )


def _read_icon(data: bytes) -> ImageHeader:
    """Return what an ICO file says of its largest image, a PNG or a bitmap."""
    try:
        start, end = largest_start(data), ico_end(data)
        if data.startswith(_PNG_MARK, start):
            inner = read_header(data[start:])
            width, height = inner.width, inner.height
            end = max(end, len(data) - inner.trailing_bytes)
        else:
            width, height, pixels_end = bitmap_size(data, start)
            end = max(end, pixels_end)
    except BreaksOff as error:
        raise NotReadable(f"The image breaks off: {error}.") from error
    _refuse_bomb(width * height, len(data))
    behind = len(data) - end
    return ImageHeader(
        format="ICO", width=width, height=height, extension="ico", trailing_bytes=behind
    )


def _stored_size(image: Image.Image) -> tuple[int, int]:
    """Return width and height as stored: of a TIFF alone Pillow turns them by its orientation."""
    if isinstance(image, TiffImageFile):
        return int(image.tag_v2[_TIFF_WIDTH]), int(image.tag_v2[_TIFF_HEIGHT])
    return image.size


def _refuse_bomb(pixels: int, size: int) -> None:
    if pixels > MAX_PIXELS:
        raise NotReadable(f"The image claims more than {MAX_PIXELS} pixels.")
    if not 0 < pixels <= size * MAX_PIXELS_PER_BYTE:
        raise NotReadable(f"The image claims {pixels} pixels in {size} bytes.")
