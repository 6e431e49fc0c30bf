"""Where a TIFF ends: behind the last of its directories, strips and tiles. Source:
TIFF 6.0, and BigTIFF."""

from dataclasses import dataclass

from flask_api.tasks.web.image_formats.bounds import BreaksOff, number, piece, within

_SIZES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}
_WIDTH, _HEIGHT, _BITS, _CODING, _SAMPLES = 256, 257, 258, 259, 277
# Where the data are, and how many bytes: strips, tiles, and the one stream of old JPEGs in TIFF.
_DATA = ((273, 279), (324, 325), (513, 514))
_NUMBERS = {_WIDTH, _HEIGHT, _BITS, _CODING, _SAMPLES, *(tag for pair in _DATA for tag in pair)}
_UNCODED = 1


@dataclass(frozen=True, slots=True)
class _Layout:
    """What differs between TIFF and BigTIFF: bytes of a place, of a directory's count,
    of an entry."""

    order: str
    place: int
    count: int
    entry: int


def tiff_end(data: bytes) -> int:
    """Return the end of all its pages. Raises BreaksOff,
    also for pages that share their lists to make more of them."""
    order = "little" if piece(data, 0, 2) == b"II" else "big"
    is_big = number(data, 2, 2, order) == 43
    layout = _Layout(order, 8, 8, 20) if is_big else _Layout(order, 4, 2, 12)
    page = number(data, 8 if is_big else 4, layout.place, order)
    end, seen, budget = page, set[int](), len(data)
    while page and page not in seen:
        seen.add(page)
        entries = number(data, page, layout.count, order)
        after = page + layout.count + entries * layout.entry
        within(data, after + layout.place)
        budget -= entries * layout.entry
        tags, page_end, read = _tags(data, page + layout.count, entries, layout)
        budget -= read
        if budget < 0:
            raise BreaksOff("its pages lie over each other")
        end = max(end, after + layout.place, page_end, _data_end(tags))
        page = number(data, after, layout.place, order)
    return within(data, end)


def _tags(
    data: bytes, at: int, entries: int, layout: _Layout
) -> tuple[dict[int, list[int]], int, int]:
    """Return the tags that are needed, where the values of all end,
    and how many bytes were read."""
    tags: dict[int, list[int]] = {}
    end = read = 0
    for entry in range(at, at + entries * layout.entry, layout.entry):
        tag, kind = number(data, entry, 2, layout.order), number(data, entry + 2, 2, layout.order)
        count = number(data, entry + 4, layout.place, layout.order)
        size, where = _SIZES.get(kind, 0), entry + 4 + layout.place
        if count * size > layout.place:
            where = number(data, where, layout.place, layout.order)
            end = max(end, where + count * size)
        if tag in _NUMBERS and size:
            within(data, where + count * size)
            values = range(where, where + count * size, size)
            tags[tag] = [number(data, value, size, layout.order) for value in values]
            read += count * size
            if read > len(data):
                raise BreaksOff("its lists lie over each other")
    return tags, end, read


def _data_end(tags: dict[int, list[int]]) -> int:
    """Return where a page's data end; one strip without a length is as long as its pixels."""
    end = 0
    for places, lengths in _DATA:
        starts = tags.get(places, [])
        sizes = tags.get(lengths, []) or ([_plain_size(tags)] if len(starts) == 1 else [])
        if len(sizes) < len(starts):
            raise BreaksOff("fewer lengths than places")
        end = max([end, *(start + size for start, size in zip(starts, sizes, strict=False))])
    return end


def _plain_size(tags: dict[int, list[int]]) -> int:
    if tags.get(_CODING, [_UNCODED]) != [_UNCODED]:
        return 0
    bits = (
        sum(tags.get(_BITS, [1]))
        if len(tags.get(_BITS, [])) > 1
        else tags.get(_BITS, [1])[0] * tags.get(_SAMPLES, [1])[0]
    )
    width, height = tags.get(_WIDTH, [0])[0], tags.get(_HEIGHT, [0])[0]
    return (width * bits + 7) // 8 * height
