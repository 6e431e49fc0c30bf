"""This process's end of the contract: its Redis connection, signer and session format,
made on first use.

Nothing else in the site opens a connection to the session store.
"""

from functools import cache

from shared.contract.authentication import Guards
from shared.contract.session import SessionFormat
from shared.contract.signing import EntrySigner
from shared.redis import RedisGateway
from shared.session_store import open_session_store
from shared.settings import WriterSettings, load_settings


@cache
def contract_settings() -> WriterSettings:
    """Return the settings of who writes sessions; read once per process."""
    return load_settings(WriterSettings)


@cache
def session_store() -> RedisGateway:
    """Return the store that sessions, principals and keys are written to."""
    return open_session_store(contract_settings())


@cache
def entry_signer() -> EntrySigner:
    """Return the signer of entries."""
    return EntrySigner(contract_settings().secrets)


@cache
def session_format() -> SessionFormat:
    """Return the format that sessions are written in."""
    return SessionFormat(entry_signer(), contract_settings().lifetimes)


@cache
def guards() -> Guards:
    """Return the guards, as the API's gate has them: for ``whois`` and for tests."""
    return Guards(session_store(), entry_signer(), session_format())
