"""What a service behind a proxy is told of the person whom the gate let in, in headers.

    Remote-User              ada            as many services and proxies call it
    Remote-Email             ada@example.org    only one that is verified
    Remote-Groups            analysts,editors
    X-Gatehouse-User-Id      7
    X-Gatehouse-Credential   session        or key
    X-Gatehouse-Scopes       services:reports    of a key
    X-Gatehouse-Assertion    eyJ...         the same, signed, for one audience and one minute

Signs beyond ASCII, commas and per cents are percent-encoded (UTF-8): a header can't hold them, or
would hold two values. The assertion is a JWT (RFC 7519, HS256) with OpenID Connect's names of
claims; it has every text as it is.
"""

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from shared.contract.authentication import Identity

ASSERTION = "X-Gatehouse-Assertion"
ISSUER = "gatehouse"
ASSERTION_S = 60
# Proxies take 4 kB of headers, some of them; a person may be in thousands of groups.
GROUPS_BYTES = 1_500
_AS_IT_IS = " !#$&'()*+/:;<=>?@[]^`{|}"


def user_headers(identity: Identity) -> dict[str, str]:
    """Return the headers about a person, all of them; too many groups are left out,
    which is said."""
    principal, key = identity.principal, identity.key
    groups = ",".join(map(_plain, sorted(principal.groups)))
    are_too_many = len(groups) > GROUPS_BYTES
    # All of them, empty if need be: a proxy that copies each replaces what the client claims.
    return {
        "Remote-User": _plain(principal.username),
        "Remote-Email": _plain(principal.email) if principal.email_verified else "",
        "Remote-Groups": "" if are_too_many else groups,
        "X-Gatehouse-User-Id": _plain(principal.id),
        "X-Gatehouse-Credential": "session" if key is None else "key",
        "X-Gatehouse-Scopes": "" if key is None else " ".join(sorted(key.scopes)),
        "X-Gatehouse-Omitted": "groups" if are_too_many else "",
    }


def claims_for(
    audience: str, identity: Identity, *, conditions: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the claims of an assertion for ``audience``; ``conditions`` are those that were
    checked, and who may ask for the assertion chooses them."""
    principal, key = identity.principal, identity.key
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": ISSUER,
        "aud": audience,
        "sub": principal.id,
        "iat": now,
        "exp": now + ASSERTION_S,
        "preferred_username": principal.username,
        "credential": "session" if key is None else "key",
        "passage": dict(conditions),
    }
    if principal.email:
        claims |= {"email": principal.email, "email_verified": principal.email_verified}
    if sum(len(_plain(group)) + 1 for group in principal.groups) <= GROUPS_BYTES:
        claims["groups"] = sorted(principal.groups)
    if key is not None:
        claims["scope"] = " ".join(sorted(key.scopes))
    return claims


def _plain(text: str) -> str:
    return quote(text, safe=_AS_IT_IS)
