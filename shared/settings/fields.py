"""What fields of settings have in common: their types, and what each accepts."""

from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import NoDecode

SECRET_MIN_LENGTH = 32
_REDIS_SCHEMES = ("redis", "rediss", "unix")


def _long_enough(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value()) < SECRET_MIN_LENGTH:
        raise ValueError(f"a secret needs at least {SECRET_MIN_LENGTH} characters")
    return secret


def _redis_url(url: SecretStr) -> SecretStr:
    """Refuse what redis-py could not read, here where the variable's name is known."""
    try:
        parts = urlsplit(url.get_secret_value())
        is_readable = parts.scheme in _REDIS_SCHEMES and parts.port != 0
    except ValueError:  # its message repeats a part of the URL, which may hold a password
        is_readable = False
    if not is_readable:
        raise ValueError("accepted are redis://, rediss:// and unix:// URLs")
    return url


Secret = Annotated[SecretStr, AfterValidator(_long_enough)]
RedisUrl = Annotated[SecretStr, AfterValidator(_redis_url)]
WordList = Annotated[tuple[str, ...], NoDecode]
Origin = Annotated[str, Field(pattern=r"^https?://[^/]+$")]


def split_list(value: Any) -> Any:
    """Lists are written with commas: ``a,b``. JSON in a shell variable is a trap for quotes."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value
