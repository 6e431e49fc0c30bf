"""How an entry's value is signed, so that only who holds a session secret can write one.

The value is Django's ``TimestampSigner`` format (django.core.signing),
under a salt that contains the entry's name::

    >>> signer = EntrySigner(["a-secret-of-at-least-32-characters"])
    >>> value = signer.sign("gatehouse:principal:7", {"id": "7"})
    >>> value                                                             # doctest: +SKIP
    'eyJpZCI6IjcifQ:1vLxQk:2m1v...'
     base64url JSON : base62 seconds since 1970 : base64url HMAC-SHA256

Tampering with a byte, a value copied under another entry's name, or another secret:
:class:`EntryFormatError`.
"""

import hashlib
import hmac
import json
import string
import time
from binascii import a2b_base64, b2a_base64
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from shared.errors import EntryFormatError

if TYPE_CHECKING:
    from django.core.signing import TimestampSigner

# Frozen: part of the wire format. Another salt would log everyone out and cut off every key.
_SALT = "gatehouse.entry.v1"
_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_VALUES = {digit: value for value, digit in enumerate(_BASE62)}
# What is remembered of verified values, and of how long ones at most: longer ones are rare, such as
# a full shopping cart. Memory is bounded by the product.
MOST_VALUES = 2_048
LONGEST = 2_048
# What the standard library does with more steps; each request does it twice.
_decode = json.JSONDecoder().decode
_TO_STANDARD, _TO_URLSAFE = bytes.maketrans(b"-_", b"+/"), bytes.maketrans(b"+/", b"-_")


class EntrySigner:
    """Sign and check entries. The first secret signs, every secret verifies (rotation).
    Thread-safe, no I/O.

    Django's signer signs. What every request needs, the check, is written out here:
    see :func:`_signature`.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = tuple(secrets)

    def sign(self, entry: str, payload: dict[str, Any]) -> str:
        """Return the value to store under ``entry``.
        Raises TypeError if ``payload`` is not JSON."""
        return str(self._signer(entry).sign_object(payload))

    def is_current(self, entry: str, value: str) -> bool:
        """Tell whether the first secret signed this (a value that verifies),
        not one that rotation will remove."""
        if len(self._secrets) == 1:
            return True  # there is no other: spare the second look at every entry of a rebuild
        try:
            EntrySigner(self._secrets[:1]).unsign(entry, value)
        except EntryFormatError:
            return False
        return True

    def unsign(self, entry: str, value: str, *, max_age_s: int | None = None) -> dict[str, Any]:
        """Return what was signed for exactly this ``entry``, at most ``max_age_s`` ago.

        Raises EntryFormatError for anything else; the comparison is constant-time.
        """
        payload, signed_at = self._verify(entry, value)
        if max_age_s is not None and time.time() - signed_at > max_age_s:
            raise EntryFormatError("the signature is older than the absolute lifetime")
        return payload

    def _verify(self, entry: str, value: str) -> tuple[dict[str, Any], int]:
        """Return what was signed, and when, in seconds since 1970: always the same for the same
        arguments. Raises EntryFormatError."""
        signed, _, signature = value.rpartition(":")
        given, message = signature.encode(errors="replace"), signed.encode(errors="replace")
        # A list, not any(): every comparison is made, whichever matches.
        if True not in [
            hmac.compare_digest(given, _signature(secret, entry, message))
            for secret in self._secrets
        ]:
            raise EntryFormatError("the signature does not verify")
        content, _, signed_at = message.rpartition(b":")
        try:
            payload = _decode(_from_base64(content).decode())
            since_1970_s = _from_base62(signed_at.decode())
        # a secret's holder signed what is not base64 of JSON
        except (ValueError, IndexError) as error:
            raise EntryFormatError("the signed value is not base64url JSON") from error
        if not isinstance(payload, dict):
            raise EntryFormatError("the signed value is not a JSON object")
        return payload, since_1970_s

    def _signer(self, entry: str) -> "TimestampSigner":
        # a gate only verifies, and may run where Django isn't
        from django.core.signing import TimestampSigner

        # No fallback keys are given, lest Django ask its own settings: signing needs none.
        return TimestampSigner(key=self._secrets[0], fallback_keys=[], salt=_salt(entry))


class RememberingSigner(EntrySigner):
    """An EntrySigner for who verifies at every request, the same bytes once. Thread-safe, no I/O.

    The gate reads both entries of every request afresh, and what it read last time is mostly what
    it reads now: the same text under the same name. That this text verifies, and what its JSON
    says, need not be computed again; it was half of what the gate computes. Nothing else is
    remembered: not that an entry is there, not who somebody is, not how old anything is. A value
    that differs in one character, or stands under another name, is verified as if it was seen for
    the first time.

    What ``unsign`` returns belongs to all its callers: nobody may change it. It holds between
    MOST_VALUES and twice as many, the last used.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._young: dict[tuple[str, str], tuple[dict[str, Any], int]] = {}
        self._old = self._young

    def _verify(self, entry: str, value: str) -> tuple[dict[str, Any], int]:
        text = (entry, value)
        known = self._young.get(text)
        if known is None:
            known = self._old.get(text) or super()._verify(entry, value)
            if len(value) <= LONGEST:
                self._remember(text, known)
        return known

    def _remember(self, text: tuple[str, str], known: tuple[dict[str, Any], int]) -> None:
        if len(self._young) >= MOST_VALUES:  # of two threads at once, one forgets more: no harm
            self._old, self._young = self._young, {}
        self._young[text] = known


def _from_base62(text: str) -> int:
    """Return the number that Django's ``b62_encode`` wrote.
    Raises ValueError for another character."""
    number = 0
    try:
        for digit in text:
            number = number * 62 + _VALUES[digit]
    except KeyError as error:
        raise ValueError("not base62") from error
    return number


def _from_base64(content: bytes) -> bytes:
    """Return what was written in base64url without padding. Raises ValueError."""
    return a2b_base64(content.translate(_TO_STANDARD) + b"=" * (-len(content) % 4))


def _salt(entry: str) -> str:
    return f"{_SALT}:{entry}"


def _signature(secret: str, entry: str, message: bytes) -> bytes:
    """Return what Django's signer appends to ``message`` under our salt."""
    key = hashlib.sha256(f"{_salt(entry)}signer{secret}".encode()).digest()
    return (
        b2a_base64(hmac.digest(key, message, "sha256"), newline=False)
        .translate(_TO_URLSAFE)
        .rstrip(b"=")
    )
