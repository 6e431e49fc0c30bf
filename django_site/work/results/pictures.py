"""Which files of a job a page shows as pictures: of formats that hold no script, and not too many.

A picture is asked for as any file of the job: a download, by the person's own session. One that is
not what its name says is shown as broken. SVG is a document: it is for download only.
"""

from collections.abc import Mapping, Sequence
from typing import Any

_SHOWN = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"})
MOST, LARGEST = 60, 20_000_000


def pictures_of(files: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the first pictures among a job's files."""
    shown = [each for each in files if each["media_type"] in _SHOWN and each["size"] <= LARGEST]
    return shown[:MOST]
