"""How the API sends its few pages: with the headers of pages,
and style and script from files of its own."""

from pathlib import Path

from flask import Response

import shared
from shared.http.response_headers import PAGE_SECURITY_HEADERS

_OWN = Path(__file__).parent.parent / "static"
_OF_BOTH_SIDES = Path(shared.__file__).parent / "static" / "gatehouse"
# All files that are served, with their media types: ours, not guessed from the machine's tables.
_ASSETS = {
    "api.css": (_OWN, "text/css"),
    "design.css": (_OF_BOTH_SIDES, "text/css"),
    "docs.js": (_OWN, "text/javascript"),
    "snippets.js": (_OWN, "text/javascript"),
}


def page(html: str) -> Response:
    """Return a page of the API. Its content security policy lets in no inline script or style and
    no other origin."""
    answer = Response(html, mimetype="text/html")
    answer.headers.update(PAGE_SECURITY_HEADERS)
    answer.vary.add("Accept")
    return answer


def find_asset(name: str) -> Response | None:
    """Return the style or script of that name; None when there is no such file."""
    if name not in _ASSETS:
        return None
    folder, media_type = _ASSETS[name]
    return Response((folder / name).read_bytes(), mimetype=media_type)
