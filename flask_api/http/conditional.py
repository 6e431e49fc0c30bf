"""Answers that need not be sent twice: ETag and If-None-Match (RFC 9110, 13.1.2)."""

from flask import Response, request


def with_etag(response: Response) -> Response:
    """Return the answer with a strong ETag of its bytes,
    or 304 without them when the client has them already.

    It spares the network, not Redis. Whose record it is was decided before:
    nothing is told to who may not read it.
    """
    response.add_etag()
    response.make_conditional(request)
    return response
