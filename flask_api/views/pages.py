"""How the API sends its few pages: with the headers of pages, and style and script from files of its own."""

from pathlib import Path

from flask import Response

from shared.response_headers import PAGE_SECURITY_HEADERS

ASSETS = Path(__file__).parent.parent / "static"
# All that is served from there; the media type is ours, not guessed from the machine's tables.
MEDIA_TYPES = {"api.css": "text/css", "docs.js": "text/javascript", "snippets.js": "text/javascript"}


def page(html: str) -> Response:
    """Return a page of the API. Its content security policy lets in no inline script or style and no other origin."""
    answer = Response(html, mimetype="text/html")
    answer.headers.update(PAGE_SECURITY_HEADERS)
    answer.vary.add("Accept")
    return answer
