"""Seeds of second factors at rest: encrypted and authenticated,
under keys derived from the site's secrets.

    gatehouse.1:gAAAAABm...      "gatehouse.1:" + a Fernet token (AES-128-CBC, HMAC-SHA256)

The Fernet key is HKDF-SHA256(SECRET_KEY, info="gatehouse.second-factor.1"). A former SECRET_KEY in
SECRET_KEY_FALLBACKS still opens; ``manage.py reseal_second_factors`` seals all again before it is
removed. A stolen database without the secrets opens no second factor. Source:
OWASP ASVS 5.0, 11.4 and 13.3.
"""

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from shared.errors import ConfigurationError

MARK = "gatehouse.1:"
_INFO = b"gatehouse.second-factor.1"


def seal(text: str) -> str:
    """Return ``text`` encrypted under the current secret."""
    return MARK + _keys().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """Return the text; one that was stored before seeds were sealed is returned as it is.

    Raises ConfigurationError when it is altered, or sealed under a secret that is no longer listed.
    """
    if not sealed.startswith(MARK):
        return sealed
    try:
        return _keys().decrypt(sealed.removeprefix(MARK)).decode()
    except InvalidToken:
        raise ConfigurationError(
            "GATEHOUSE_SECRET_KEY_FALLBACKS: a second factor is sealed under a secret that is not "
            "listed; list the former "
            "GATEHOUSE_SECRET_KEY again and run manage.py reseal_second_factors"
        ) from None


def is_current(sealed: str) -> bool:
    """Tell whether the text is sealed under the current secret."""
    if not sealed.startswith(MARK):
        return False
    try:
        _fernet(settings.SECRET_KEY).decrypt(sealed.removeprefix(MARK))
    except InvalidToken:
        return False
    return True


def _keys() -> MultiFernet:
    return MultiFernet(
        [_fernet(secret) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
    )


@lru_cache(maxsize=16)
def _fernet(secret: str) -> Fernet:
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=_INFO).derive(secret.encode())
    return Fernet(base64.urlsafe_b64encode(key))
