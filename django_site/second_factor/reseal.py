"""Seal every stored seed under the current secret:
after a change of SECRET_KEY, and for what was stored before sealing."""

from typing import Any

from django.db import transaction

from django_site.second_factor.seal import is_current, seal, unseal


def reseal(authenticators: Any) -> int:
    """Seal the seeds of these rows again where they aren't current;
    return how many rows were changed.

    ``authenticators`` is the manager of allauth.mfa's model. One row at a time, each under its
    lock: a recovery code that is used meanwhile stays used.
    Raises ConfigurationError when no listed secret opens one.
    """
    changed = 0
    for pk in list(authenticators.exclude(type="webauthn").values_list("pk", flat=True)):
        with transaction.atomic():
            row = authenticators.select_for_update().filter(pk=pk).first()
            if row is not None and _has_stale(row.data):
                row.data = {
                    name: _mapped(name, value, _sealed_anew) for name, value in row.data.items()
                }
                row.save(update_fields=["data"])
                changed += 1
    return changed


def unseal_all(authenticators: Any) -> None:
    """Store every seed in clear again: for a migration backwards."""
    for row in authenticators.exclude(type="webauthn"):
        row.data = {name: _mapped(name, value, unseal) for name, value in row.data.items()}
        row.save(update_fields=["data"])


def _has_stale(data: Any) -> bool:
    texts = [data[name] for name in ("secret", "seed") if name in data] + list(
        data.get("migrated_codes") or []
    )
    return not all(is_current(text) for text in texts)


def _sealed_anew(text: str) -> str:
    return seal(unseal(text))


def _mapped(name: str, value: Any, change: Any) -> Any:
    if name in ("secret", "seed"):
        return change(value)
    if name == "migrated_codes" and value is not None:
        return [change(code) for code in value]
    return value
