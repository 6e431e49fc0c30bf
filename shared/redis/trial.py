"""What is wrong with the Redis that a URL names? Asked once,
at start and by ``wsgi.py --check``."""

import os
from collections.abc import Iterator
from socket import gaierror
from ssl import SSLCertVerificationError, SSLError
from urllib.parse import parse_qs

from redis.exceptions import AuthenticationError, InvalidResponse, RedisError

from shared.redis.asking import UnresolvedError
from shared.redis.build import build_client
from shared.redis.replies import advice_for, advice_if_it_lasts
from shared.redis.role import MisconfiguredError, NotPrimaryError

_NO_TLS = "no TLS there: redis://?"
_AT_ANOTHER_TIME = (9, 10)  # OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID and _CERT_HAS_EXPIRED
_TLS_FILES = ("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile")
_SILENCES: dict[type[BaseException], str] = {
    ConnectionRefusedError: "connection refused: nobody listens there",
    FileNotFoundError: "there is no such socket",
    gaierror: "the name is unknown",
    UnresolvedError: "its name is not resolved in time",
    SSLError: _NO_TLS,
    InvalidResponse: "what answers is no Redis",
}


def find_misconfiguration(url: str, *, timeout_s: float) -> str:
    """Return what only a change of settings can mend, as the end of a sentence about the server;
    empty if there is nothing.

    Empty also when the server is away or is a replica just now:
    that may be over before the service is asked.
    """
    error = _failure(url, timeout_s)
    return _unreadable_file(url) or (problem_of(error) if error else "")


def find_refusal(url: str, *, timeout_s: float) -> str:
    """Return what only a change of these settings can mend, as :func:`find_misconfiguration`, but
    nothing of a certificate that is good at another time: it may be renewed while somebody
    waits."""
    error = _failure(url, timeout_s)
    refused = _certificate_error(error)
    if refused is not None and refused.verify_code in _AT_ANOTHER_TIME:
        return ""
    return _unreadable_file(url) or (problem_of(error) if error else "")


def find_obstacle(url: str, *, timeout_s: float) -> str:
    """Return why the server can't be used now, as the end of a sentence about it;
    empty if it can."""
    error = _failure(url, timeout_s)
    if error is None:
        return ""
    return _unreadable_file(url) or obstacle_of(error)


def obstacle_of(error: RedisError) -> str:
    """Return why a server can't be used now, as the end of a sentence about it."""
    if isinstance(error, NotPrimaryError):
        return "it is a replica: name the primary"
    return problem_of(error) or advice_if_it_lasts(error) or _silence_of(error)


def problem_of(error: RedisError) -> str:
    """Return what somebody must change, as the end of a sentence about the server;
    empty if it is no matter of settings."""
    if isinstance(error, MisconfiguredError):
        return str(error)
    if refused := _certificate_error(error):
        return f"its certificate is refused: {refused.verify_message}"
    return advice_for(error) or (
        "it refuses the user or password of the URL"
        if isinstance(error, AuthenticationError)
        else ""
    )


def _unreadable_file(url: str) -> str:
    """Return which file that TLS needs can't be read: else that is told as a socket that is not
    there, or as no TLS."""
    given = parse_qs(url.partition("?")[2]) if url.startswith("rediss") else {}
    for name in _TLS_FILES:
        if not all(os.access(path, os.R_OK) for path in given.get(name, ())):
            return f"the file of {name} can't be read"
    return ""


def _certificate_error(error: BaseException | None) -> SSLCertVerificationError | None:
    """Return why TLS does not trust the server, None when that is not what is wrong."""
    found = (each for each in _causes(error) if isinstance(each, SSLCertVerificationError))
    return next(found, None)


def _silence_of(error: BaseException) -> str:
    """Return in which way no server answers: each is mended in another place."""
    for each in _causes(error):
        for kind, meaning in _SILENCES.items():
            if isinstance(each, kind):
                return meaning
        if isinstance(each, TimeoutError) and "handshake" in str(each):
            return _NO_TLS  # Redis waits for the rest of what it takes for a command
    return "it does not answer"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _failure(url: str, timeout_s: float) -> RedisError | None:
    client = build_client(url, timeout_s=timeout_s, max_connections=1)
    try:
        # No command: a new connection asks all there is to know, but for its replicas,
        # and the least privileged user may not even PING.
        client.connection_pool.try_out()
    except RedisError as error:
        return error
    finally:
        client.connection_pool.disconnect()
    return None
