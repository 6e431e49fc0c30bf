"""When a key was last used: the API notes it in the session store, this only shows it.
Never trusted for anything else."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import cast

from django_site.contract import session_store
from django_site.keys.models import ApiKey
from shared.contract.entries import key_used_entry

_MAX_DIGITS = 10  # seconds since 1970 until the year 2286


def last_used(keys: Iterable[ApiKey]) -> dict[int, datetime]:
    """Return when each key was last used, by key id; a key that never was is left out.
    Raises SessionStoreUnavailable."""
    ids = [key.pk for key in keys]
    if not ids:
        return {}
    entries = [key_used_entry(str(id_)) for id_ in ids]
    values = cast(list[str | None], session_store().read(lambda client: client.mget(entries)))
    found = {id_: _time(value) for id_, value in zip(ids, values, strict=True)}
    return {id_: at for id_, at in found.items() if at is not None}


def _time(value: str | None) -> datetime | None:
    if value is None or not (value.isascii() and value.isdigit() and len(value) <= _MAX_DIGITS):
        return None
    return datetime.fromtimestamp(int(value), UTC)
