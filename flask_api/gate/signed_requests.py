"""Judge a signed request: is it the one that Django signed, byte for byte, and the first time?

Its body is read here, bounded by what was signed and by the application's limit, because it is a
part of the credential; views find it where they would have. Source: RFC 9421 and RFC 9530, for what
a signature over a request must cover.
"""

import hashlib
import hmac
from io import BytesIO
from typing import TYPE_CHECKING

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge

from flask_api.gate.state import this_request
from shared.contract.authentication import Guards, Identity, Refusal
from shared.contract.entries import taken_request_entry
from shared.contract.signed_requests import LIFETIME_S, SignedRequest
from shared.errors import NotAuthenticated

if TYPE_CHECKING:
    from shared.redis import RedisGateway

_TAKEN_KEPT_S = 2 * LIFETIME_S  # longer than the entry lives, by the same clock


class SignedRequests:
    """Takes signed requests to one audience. Thread-safe."""

    def __init__(self, store: "RedisGateway", guards: Guards, audience: str) -> None:
        self._store = store
        self._guards = guards
        self._audience = audience

    def identify(self, sent: Request, token: str) -> Identity:
        """Return in whose name ``sent`` is, and take it: a second time it is refused.

        Raises NotAuthenticated, RequestEntityTooLarge or SessionStoreUnavailable.
        """
        # What a proxy asks about (forward authentication) was not sent here: it has no body.
        if not self._audience or sent is not this_request():
            raise NotAuthenticated(Refusal.REQUEST_ELSEWHERE)
        identity = self._guards.identify_signed_request(token, audience=self._audience)
        if identity.signed is None or not _is_the_same(sent, identity.signed):
            raise NotAuthenticated(Refusal.REQUEST_DIFFERS)
        self._take(token)
        return identity

    def _take(self, token: str) -> None:
        entry = taken_request_entry(token)
        if not self._store.write(lambda client: client.set(entry, 1, nx=True, ex=_TAKEN_KEPT_S)):
            raise NotAuthenticated(Refusal.REQUEST_TAKEN)


def _is_the_same(sent: Request, signed: SignedRequest) -> bool:
    """Compare what was sent with what was signed; the body last, and only if it has its size."""
    query = sent.query_string.decode("latin-1")
    target = f"{sent.path}?{query}" if query else sent.path
    if (sent.method, target) != (signed.method, signed.target):
        return False
    if (sent.content_length or 0) != signed.size:
        return False
    body = _read(sent, signed.size)
    sent.environ["wsgi.input"] = BytesIO(body)  # for the view, which reads what was compared
    return hmac.compare_digest(hashlib.sha256(body).hexdigest(), signed.body)


def _read(sent: Request, size: int) -> bytes:
    most = sent.max_content_length
    if most is not None and size > most:
        raise RequestEntityTooLarge
    stream, pieces, left = sent.environ["wsgi.input"], [], size
    while left and (piece := stream.read(left)):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)
