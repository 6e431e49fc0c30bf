"""Bytes of a stranger's file, read without going beyond their end."""


class BreaksOff(ValueError):
    """The file ends, or makes no sense, before the image does."""


def number(data: bytes, at: int, size: int, order: str) -> int:
    """Return the unsigned number of ``size`` bytes there; ``order`` is big or little.
    Raises BreaksOff."""
    return int.from_bytes(piece(data, at, size), "little" if order == "little" else "big")


def piece(data: bytes, at: int, size: int) -> bytes:
    """Return exactly so many bytes. Raises BreaksOff."""
    found = data[at : at + size]
    if len(found) < size:
        raise BreaksOff(f"{size} bytes at {at}")
    return found


def within(data: bytes, end: int) -> int:
    """Return a place that must be in the file, or just behind it. Raises BreaksOff."""
    if end > len(data):
        raise BreaksOff(f"byte {end}")
    return end
