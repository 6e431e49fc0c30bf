"""JSON Feed, by its content type or by what it says itself. Source: jsonfeed.org/version/1.1."""

import json
from typing import Any

from flask_api.tasks.web.errors import NotReadable
from shared.strict_json import members_once

MEDIA_TYPE = "application/feed+json"
_VERSIONS = {
    "https://jsonfeed.org/version/1": "json10",
    "https://jsonfeed.org/version/1.1": "json11",
}


def is_json(text: str, content_type: str) -> bool:
    """Tell whether a document is to be read as JSON."""
    return content_type.partition(";")[0].strip().lower() == MEDIA_TYPE or text.lstrip(
        "\ufeff \t\r\n"
    ).startswith("{")


def read_json_feed(text: str) -> tuple[str, dict[str, Any]]:
    """Return the format's name and the feed, whose ``items`` are a list of objects.
    Raises NotReadable."""
    try:
        feed = json.loads(text.lstrip("\ufeff"), object_pairs_hook=members_once)
    except (ValueError, RecursionError) as error:
        raise NotReadable("The document begins as JSON and is none that can be read.") from error
    version = (
        _VERSIONS.get(str(feed.get("version", "")).rstrip("/")) if isinstance(feed, dict) else None
    )
    items = feed.get("items") if version else None
    if (
        version is None
        or not isinstance(items, list)
        or not all(isinstance(item, dict) for item in items)
    ):
        raise NotReadable(
            "The document is JSON and no JSON Feed: it has no version of it, or no list of items."
        )
    return version, feed


def text_of(item: dict[str, Any], *names: str) -> str:
    """Return the first member of these that is a text with something in it, else an empty text."""
    return next(
        (value for name in names if isinstance(value := item.get(name), str) and value.strip()), ""
    )
