"""How an entry's value is signed, so that only who holds a session secret can write one.

The value is Django's ``TimestampSigner`` format (django.core.signing), under a salt that contains the entry's name::

    >>> signer = EntrySigner(["a-secret-of-at-least-32-characters"])
    >>> value = signer.sign("gatehouse:principal:7", {"id": "7"})
    >>> value                                                             # doctest: +SKIP
    'eyJpZCI6IjcifQ:1vLxQk:2m1v...'
     base64url JSON : base62 seconds since 1970 : base64url HMAC-SHA256

Tampering with a byte, a value copied under another entry's name, or another secret: :class:`SessionFormatError`.
"""

import zlib
from collections.abc import Sequence
from typing import Any

from django.core.signing import BadSignature, SignatureExpired, TimestampSigner

from shared.errors import SessionFormatError

# Frozen: part of the wire format. Another salt would log everyone out and cut off every key.
_SALT = "gatehouse.entry.v1"


class EntrySigner:
    """Sign and check entries. The first secret signs, every secret verifies (rotation). Thread-safe, no I/O."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = tuple(secrets)

    def _signer(self, entry: str) -> TimestampSigner:
        first, others = self._secrets[0], list[str | bytes](self._secrets[1:])
        # fallback_keys is given even when empty: else Django would ask its own settings.
        return TimestampSigner(key=first, fallback_keys=others, salt=f"{_SALT}:{entry}")

    def sign(self, entry: str, payload: dict[str, Any]) -> str:
        """Return the value to store under ``entry``. Raises TypeError if ``payload`` is not JSON."""
        return str(self._signer(entry).sign_object(payload))

    def is_current(self, entry: str, value: str) -> bool:
        """Tell whether the first secret signed this (a value that verifies), not one that rotation will remove."""
        if len(self._secrets) == 1:
            return True  # there is no other: spare the second look at every entry of a rebuild
        try:
            EntrySigner(self._secrets[:1]).unsign(entry, value)
        except SessionFormatError:
            return False
        return True

    def unsign(self, entry: str, value: str, *, max_age_s: int | None = None) -> dict[str, Any]:
        """Return what was signed for exactly this ``entry``, at most ``max_age_s`` ago.

        Raises SessionFormatError for anything else; the comparison is constant-time (in Django's signer).
        """
        try:
            payload = self._signer(entry).unsign_object(value, max_age=max_age_s)
        except SignatureExpired as error:
            raise SessionFormatError("the signature is older than the absolute lifetime") from error
        except BadSignature as error:
            raise SessionFormatError("the signature does not verify") from error
        except (ValueError, zlib.error) as error:  # a secret's holder signed what is not base64 of JSON
            raise SessionFormatError("the signed value is not base64url JSON") from error
        if not isinstance(payload, dict):
            raise SessionFormatError("the signed value is not a JSON object")
        return payload
