"""Every change of a key that Django announces is published after its commit; who deletes a person deletes their keys.

What sends no signal (``QuerySet.update``, raw SQL) is found by the reconciler.
"""

from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete, post_save

from django_site.keys.models import ApiKey
from django_site.keys.publish import republish


def connect() -> None:
    """Connect the receivers. Idempotent: Django keeps one of each dispatch_uid."""
    for signal, uid in ((post_save, "gatehouse.key_saved"), (post_delete, "gatehouse.key_deleted")):
        signal.connect(_key_changed, sender=ApiKey, dispatch_uid=uid)


def _key_changed(instance: ApiKey, **_kwargs: Any) -> None:
    digest = instance.token_digest
    transaction.on_commit(lambda: republish([digest]))
