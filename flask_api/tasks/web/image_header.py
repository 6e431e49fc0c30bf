"""What an image says about itself, read from its header: no pixel is decoded, so a bomb stays as small as it was sent.

Refused are what is no image, one whose data break off, and one whose header claims more pixels than we take or than its
bytes can mean.
"""

from dataclasses import dataclass
from io import BytesIO

from PIL import Image

from flask_api.tasks.web.errors import NotReadable

# Only these of Pillow's readers ever see a stranger's bytes.
_READERS = ("PNG", "JPEG", "GIF", "WEBP", "AVIF", "BMP", "ICO", "TIFF")
# MPO: a JPEG with another one behind it.
_EXTENSIONS = {
    "AVIF": "avif",
    "BMP": "bmp",
    "GIF": "gif",
    "ICO": "ico",
    "JPEG": "jpg",
    "MPO": "jpg",
    "PNG": "png",
    "TIFF": "tiff",
    "WEBP": "webp",
}
# Pillow's own limit, above which it warns.
MAX_PIXELS = 89_478_485
# The tightest coding of real pictures, PNG with one bit for each pixel, reaches 8,256.
MAX_PIXELS_PER_BYTE = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageHeader:
    """An image's format (Pillow's name), its pixels across and down, and the ending that its file should have."""

    format: str
    width: int
    height: int
    extension: str


def read_header(data: bytes) -> ImageHeader:
    """Return what the image says about itself. Raises NotReadable."""
    try:
        with Image.open(BytesIO(data), formats=_READERS) as image:
            kind, (width, height) = image.format or "", image.size
            _refuse_bomb(width * height, len(data))
            start = image.fp.tell() if image.fp else 0
            image.verify()  # of a PNG every checksum up to its end; of the others nothing
    except NotReadable:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise NotReadable(f"The image claims more than {MAX_PIXELS} pixels.") from error
    except Exception as error:  # the readers of eight formats raise nearly anything on bytes that are none
        raise NotReadable("The bytes are no image of a known format, or a broken one.") from error
    if not _is_whole(kind, data, start):
        raise NotReadable("The image breaks off.")
    return ImageHeader(format=kind, width=width, height=height, extension=_EXTENSIONS[kind])


def _refuse_bomb(pixels: int, size: int) -> None:
    if pixels > MAX_PIXELS:
        raise NotReadable(f"The image claims more than {MAX_PIXELS} pixels.")
    if not 0 < pixels <= size * MAX_PIXELS_PER_BYTE:
        raise NotReadable(f"The image claims {pixels} pixels in {size} bytes.")


def _is_whole(kind: str, data: bytes, start: int) -> bool:
    """Tell whether the data go on to their end, where the format shows it and Pillow does not look.

    ``start`` is where the header ends.
    """
    match kind:
        case "JPEG" | "MPO":
            return data.find(b"\xff\xd9", start) != -1  # not before: a thumbnail in the header has such an end too
        case "GIF":
            return data.rstrip(b"\0").endswith(b";")
        case "BMP":
            return int.from_bytes(data[2:6], "little") <= len(data)
    return True
