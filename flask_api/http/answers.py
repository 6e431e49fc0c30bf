"""What several answers have in common: the pages of a listing, the ETag of an answer that need not
be sent twice, and how many more jobs a person may submit."""

from typing import Any

from flask import Response, jsonify, request, url_for


def page_answer(name: str, items: list[Any], cursor: str | None, **query: Any) -> Response:
    """Return one page of a listing of the endpoint that was asked, its items under ``name``.

    ``cursor`` is where the next page begins, None on the last one; ``query`` is asked again there.
    """
    answer: dict[str, Any] = {name: items, "next_cursor": cursor}
    if cursor is not None:
        answer["links"] = {"next": url_for(request.endpoint or "", cursor=cursor, **query)}
    return jsonify(answer)


def with_etag(response: Response) -> Response:
    """Return the answer with a strong ETag of its bytes (RFC 9110, 13.1.2),
    or 304 without them when the client has them already.

    It spares the network, not Redis. Whose record it is was decided before:
    a client that may not read the record is told nothing.
    """
    response.add_etag()
    response.make_conditional(request)
    return response


def rate_limit_headers(*, limit: int, unfinished: int) -> dict[str, str]:
    """Return the policy of unfinished jobs and what is left of it
    (IETF draft-ietf-httpapi-ratelimit-headers). There is no window: it is freed as jobs end."""
    remaining = max(0, limit - unfinished)
    return {
        "RateLimit-Policy": f'"unfinished";q={limit}',
        "RateLimit": f'"unfinished";r={remaining}',
    }
