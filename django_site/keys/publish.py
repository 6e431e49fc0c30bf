"""Write keys to the session store for the gate, and take them back. The database is the truth;
this only repeats it.

A key's row stays locked until its entry is written, and older never replaces newer
(django_site.publishing.versions): a slow process can't bring a key back to life that was revoked
meanwhile. What is published before a commit is published again after it.
"""

import logging
import time
from collections.abc import Iterable, Iterator
from functools import partial
from typing import cast

from django_site.contract import entry_signer, session_store
from django_site.keys.models import ApiKey, ApiKeyQuerySet
from django_site.publishing.chunks import CHUNK, chunked
from django_site.publishing.databases import atomic_on, database_of, read_committed
from django_site.publishing.people import id_of
from django_site.publishing.presence import arrive, published
from django_site.publishing.rebuild import Rebuilt
from django_site.publishing.versions import PUBLISHED, Value, begin_anew, replace_entries
from shared.contract.api_keys import KeyRecord, decode_key, encode_key
from shared.contract.entries import key_entry_of_digest
from shared.errors import EntryFormatError, SessionStoreUnavailable
from shared.redis import scan

# Far away: a listed key that has ended is looked at once more, and forgotten then.
_UNKNOWN_END = 4_102_444_800.0

log = logging.getLogger("gatehouse.keys")


def publish_keys(digests: Iterable[str]) -> int:
    """Bring the entries of the keys with these SHA-256s to what the database says;
    return how many changed.

    A live key gets an entry that ends by itself when the key expires, any other gets none.
    Idempotent. Raises SessionStoreUnavailable:
    who creates a key calls this before committing, so that no key is handed out that doesn't work.
    """
    changed = 0
    for chunk in chunked(digests):
        with atomic_on(ApiKey):
            changed += replace_entries(partial(_values, chunk))
    return changed


def withdraw_keys(digests: Iterable[str]) -> None:
    """Delete the entries of these keys, whatever the database says:
    refused from the next request on.

    Idempotent. Raises SessionStoreUnavailable: who revokes a key calls this before committing, so
    that nobody is told that a key is dead while it is not.
    """
    for chunk in chunked(key_entry_of_digest(digest) for digest in digests):
        nothing: dict[str, Value | None] = dict.fromkeys(chunk)
        replace_entries(lambda _version, nothing=nothing: nothing)  # type: ignore[misc]  # can't infer a bound default


def republish(digests: Iterable[str]) -> None:
    """Publish keys whose change is committed already. Never raises for an outage:
    the reconciler repeats it."""
    wanted = list(digests)
    try:
        read_committed(partial(_republish, wanted), using=database_of(ApiKey))
    except SessionStoreUnavailable:
        log.warning("keys not published: Redis is away", extra={"count": len(wanted)})


def _republish(digests: list[str]) -> None:
    publish_keys(digests)
    _welcome_owners(_live_rows().filter(token_digest__in=digests))


def reconcile_keys() -> Iterator[Rebuilt]:
    """Make the entries of keys equal to the database: write what differs, have the owners of live
    keys published, prune what is listed and has no live row.

    Yields after each slice; bounded memory; locks only rows whose entry differs. May run beside
    anything, in several processes. Raises SessionStoreUnavailable.
    """
    begin_anew()
    yield from _write_live()
    for digests in published(key_entry_of_digest(""), count=CHUNK):
        yield Rebuilt(pruned=_prune(set(digests)))


def rebuild_keys() -> Iterator[Rebuilt]:
    """Do that, and prune what isn't listed too. Raises SessionStoreUnavailable."""
    begin_anew()
    yield from _write_live()
    prefix = key_entry_of_digest("")
    # Signed requests have names below those of keys, and end by themselves.
    names = (name for name in scan(session_store(), f"{prefix}*") if name.count(":") == 2)
    for chunk in chunked(names):
        digests = {name.removeprefix(prefix) for name in chunk}
        _list(digests)
        yield Rebuilt(pruned=_prune(digests))


def _write_live() -> Iterator[Rebuilt]:
    for keys in live_keys():
        entries = _entries_of(keys)
        written = publish_keys(
            digest for digest, key in keys.items() if _differs(digest, entries[digest], key)
        )
        _welcome_owners(keys.values())
        yield Rebuilt(seen=len(keys), written=written)


def _welcome_owners(keys: Iterable[ApiKey]) -> None:
    """Have who has a live key published for as long as the key lives."""
    stays: dict[str, int] = {}
    for key in keys:
        id_, stay_s = id_of(key.user_id), int(key.expires_at.timestamp() - time.time())
        stays[id_] = max(stay_s, stays.get(id_, 0))
    arrive({id_: stay_s for id_, stay_s in stays.items() if stay_s > 0})


def _list(digests: Iterable[str]) -> None:
    """List entries that were published before there was a list."""
    ends = dict.fromkeys(map(key_entry_of_digest, digests), _UNKNOWN_END)
    if ends:
        session_store().write(lambda client: client.zadd(PUBLISHED, ends, nx=True))


def _values(digests: list[str], version: int) -> dict[str, Value | None]:
    rows = _live_rows().select_for_update().filter(token_digest__in=digests)
    keys: dict[str, ApiKey] = {key.token_digest: key for key in rows}
    return {
        key_entry_of_digest(digest): _value(digest, keys.get(digest), version) for digest in digests
    }


def _live_rows() -> ApiKeyQuerySet:
    """Return the live rows, where they are written."""
    rows: ApiKeyQuerySet = ApiKey.objects.using(database_of(ApiKey)).live()
    return rows


def live_keys() -> Iterator[dict[str, ApiKey]]:
    """Yield all live keys by digest, in chunks."""
    rows = _live_rows().order_by("pk")
    chunk = list(rows[:CHUNK])
    while chunk:
        yield {key.token_digest: key for key in chunk}
        chunk = list(rows.filter(pk__gt=chunk[-1].pk)[:CHUNK])


def _entries_of(digests: Iterable[str]) -> dict[str, str | None]:
    entries = {digest: key_entry_of_digest(digest) for digest in digests}
    values = session_store().read(lambda client: client.mget(list(entries.values())))
    return dict(zip(entries, cast(list[str | None], values), strict=True))


def _prune(digests: set[str]) -> int:
    live = _live_rows().filter(token_digest__in=digests)
    dead = digests - set(live.values_list("token_digest", flat=True))
    return publish_keys(dead)  # it looks again: a key that was committed in between is published


def _differs(digest: str, value: str | None, key: ApiKey | None) -> bool:
    """Tell whether the entry isn't what the row asks for,
    or is still signed with a secret that is on its way out."""
    if value is None or key is None:
        return (value is None) != (key is None)
    is_current = entry_signer().is_current(key_entry_of_digest(digest), value)
    return not is_current or _published(digest, value) != _record(key)


def _published(digest: str, value: str) -> KeyRecord | None:
    try:
        return decode_key(entry_signer(), digest, value, now=time.time())
    except EntryFormatError:
        return None


def _value(digest: str, key: ApiKey | None, version: int) -> Value | None:
    if key is None:
        return None
    record = _record(key)
    text = encode_key(entry_signer(), digest, record, version=version)
    return Value(text=text, ttl_s=max(1, record.expires_at - int(time.time())))


def _record(key: ApiKey) -> KeyRecord:
    return KeyRecord(
        id=str(key.pk),
        user_id=id_of(key.user_id),
        name=key.name,
        scopes=frozenset(key.scopes),
        expires_at=int(key.expires_at.timestamp()),
    )
