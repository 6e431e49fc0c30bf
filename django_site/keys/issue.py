"""Making and revoking keys: the database and the session store change together, or not at all."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from django_site.client_address import current_address
from django_site.keys.models import ApiKey, ApiKeyQuerySet
from django_site.keys.networks import know_network
from django_site.keys.notices import tell_made, tell_revoked
from django_site.keys.passwords.stamps import stamp_of
from django_site.keys.publish import publish_keys, republish, withdraw_keys
from django_site.keys.verified import needs_verified_address
from django_site.publishing.databases import atomic_on, database_of, user_rows
from shared.contract.api_keys import new_key
from shared.contract.entries import digest

MAX_LIVE = 50  # keys of one person
MAX_OVER = 50  # revoked and expired keys of one person that are kept to be shown


def create_key(
    person: Any, *, name: str, scopes: Iterable[str], expires_in_days: int
) -> tuple[ApiKey, str]:
    """Make a key for ``person`` and return its row and the key itself,
    which nobody can ask for again.

    Published before the commit: while Redis is away this raises SessionStoreUnavailable and leaves
    no row, instead of handing out a key that doesn't work. A commit that fails leaves an entry of a
    key that nobody was given; it is pruned. Raises ValidationError when the person has MAX_LIVE
    keys, has yet to verify their address, or has another password by now than ``person`` says:
    the session was let in by the old one. The person is told by mail.
    """
    if needs_verified_address(person):
        raise ValidationError(
            _("Verify your e-mail address first: keys are for its owner only."),
            code="email_unverified",
        )
    token = new_key()
    now = timezone.now()
    rows = ApiKey.objects.using(database_of(ApiKey))
    with atomic_on(get_user_model(), ApiKey):
        _require_room(rows, person)
        key = rows.create(
            user_id=person.pk,
            name=name,
            token_digest=digest(token),
            scopes=sorted(set(scopes)),
            created_at=now,
            expires_at=now + timedelta(days=expires_in_days),
            password_stamp=stamp_of(person.password),
        )
        _forget_old(rows.of(person))
        publish_keys([key.token_digest])
        know_network(key, current_address())
        transaction.on_commit(lambda: tell_made(key), using=rows.db)
    return key, token


def _require_room(rows: ApiKeyQuerySet, person: Any) -> None:
    # The person's row is the lock under which the keys are counted,
    # and the password does not change.
    password = user_rows().select_for_update().values_list("password", flat=True).get(pk=person.pk)
    if password != person.password:
        raise ValidationError(
            _("Your password has changed meanwhile. Log in again."), code="password_changed"
        )
    if rows.of(person).live().count() >= MAX_LIVE:
        raise ValidationError(
            _("You have %(most)s keys, which is the most. Revoke one first.") % {"most": MAX_LIVE},
            code="too_many_keys",
        )


def revoke_keys(keys: ApiKeyQuerySet, *, by: Any) -> int:
    """Revoke the live ones of ``keys`` and return how many;
    ``by`` is the person who revokes, for the log and the mail.

    The gate's entries go first: while Redis is away this raises SessionStoreUnavailable and changes
    no row, so a key that is called revoked is dead.
    A commit that fails leaves a dead key with a live row; the reconciler publishes it again.
    """
    alias = database_of(ApiKey)
    with transaction.atomic(using=alias):
        live = list(keys.using(alias).live().select_related("user").select_for_update(of=("self",)))
        withdraw_keys(key.token_digest for key in live)
        for key in live:
            key.revoked_at = timezone.now()
        ApiKey.objects.using(alias).bulk_update(live, ["revoked_at"], batch_size=500)
        # Once more when it counts: who read the row before the commit may have published the key
        # again meanwhile.
        transaction.on_commit(lambda: republish([key.token_digest for key in live]), using=alias)
        transaction.on_commit(lambda: tell_revoked(live, by=by), using=alias)
    return len(live)


def _forget_old(keys: ApiKeyQuerySet) -> None:
    old = keys.over().order_by("-pk").values_list("pk", flat=True)[MAX_OVER:]
    keys.filter(pk__in=list(old)).delete()
