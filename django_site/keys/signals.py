"""Every change of a key that Django announces is published after its commit;
who deletes a person deletes their keys.

A new password revokes a person's keys, by whatever page or command it is set: whoever had
the old one may have made them. Only the person's own change may keep them (``keeps_keys``).

What sends no signal (``QuerySet.update``, raw SQL) is found by the reconciler, a new password too:
django_site.keys.passwords.
"""

from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Model
from django.db.models.signals import post_delete, post_save, pre_save

from django_site.keys.issue import revoke_keys
from django_site.keys.models import ApiKey
from django_site.keys.passwords.stamps import expect_password, keep_to_password
from django_site.keys.publish import republish
from django_site.publishing.tables import for_each_model, only_about, tables_of


def connect() -> None:
    """Connect the receivers, to every model of the table. Idempotent:
    Django keeps one of each dispatch_uid."""
    for_each_model(listen_to_keys)
    # No sender: a proxy or a child of the user model is saved under its own class.
    pre_save.connect(_password_changes, dispatch_uid="gatehouse.password_changes")
    post_save.connect(_password_changed, dispatch_uid="gatehouse.password_changed")


def keeps_keys(person: Any) -> None:
    """Let the next new password of this very object leave the person's keys alone."""
    person._gatehouse_keeps_keys = True


def listen_to_keys(model: type[Model]) -> None:
    """Connect the receivers if this model shares the table of keys."""
    if tables_of(model) & tables_of(ApiKey):
        for signal, uid in (
            (post_save, "gatehouse.key_saved"),
            (post_delete, "gatehouse.key_deleted"),
        ):
            signal.connect(
                only_about(ApiKey, _key_changed),
                sender=model,
                weak=False,
                dispatch_uid=f"{uid}.{model}",
            )


def _key_changed(instance: Any, using: str, **_kwargs: Any) -> None:
    digest = instance.token_digest
    transaction.on_commit(lambda: republish([digest]), using=using)


def _password_changes(
    instance: Any, raw: bool, using: str, update_fields: Any = None, **_kwargs: Any
) -> None:
    """Revoke the keys before the password is saved:
    while Redis is away there is neither a new password nor a live key.

    AbstractBaseUser keeps what set_password was given until it is saved.
    A hash that was assigned is compared with the row.
    """
    if raw or not isinstance(instance, get_user_model()):
        return
    notes = instance.__dict__
    is_renewed = _is_renewed_hash(instance, update_fields)
    if instance._state.adding:
        notes["_gatehouse_password_was_set"] = True
        return
    if update_fields is not None and "password" not in update_fields:
        return
    stored = _stored_password(instance, using)
    if stored is None or (notes.get("_password") is None and stored == instance.password):
        return
    if is_renewed or notes.pop("_gatehouse_keeps_keys", False):
        expect_password(instance, stored)
        notes["_gatehouse_after_password"] = keep_to_password
    else:
        revoke_keys(ApiKey.objects.of(instance), by=instance)
        notes["_gatehouse_after_password"] = _revoke_again
    notes["_gatehouse_password_was_set"] = True


def _password_changed(instance: Any, **_kwargs: Any) -> None:
    """Do what is left to do once the row has the new password."""
    instance.__dict__.pop("_gatehouse_after_password", _nothing)(instance)


def _revoke_again(person: Any) -> None:
    """Revoke what was made between the first revocation and the row's new password,
    from which on no key is made by the old."""
    revoke_keys(ApiKey.objects.of(person), by=person)


def _nothing(_instance: Any) -> None:
    pass


def _is_renewed_hash(person: Any, update_fields: Any) -> bool:
    """Tell whether Django saves a hash that it made again at a log-in, with more rounds, of the
    same password.

    ``check_password`` calls set_password, takes the note of it back, and saves this one field. An
    object whose hash was assigned has no such note of its own; one that was given a new password
    before has that one's, so it counts once.
    """
    return (
        update_fields is not None
        and set(update_fields) == {"password"}
        and person.__dict__.get("_password", "") is None
        and "_gatehouse_password_was_set" not in person.__dict__
    )


def _stored_password(person: Any, using: str) -> str | None:
    stored: str | None = (
        type(person)
        ._base_manager.using(using)
        .filter(pk=person.pk)
        .values_list("password", flat=True)
        .first()
    )
    return stored
