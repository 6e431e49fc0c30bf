"""What happens on Django's side during a test of the whole service:
``python -m tests.e2e.site_side people 3`` and the like.

Runs beside the server, on its database and its Valkey, as an administrator's shell does.
Answers in JSON.
"""

import json
import sys
from collections.abc import Callable
from typing import Any


def people(count: str) -> list[dict[str, str]]:
    """Create so many people; each is logged in with one browser and has one key for everything."""
    return [_new_person() for _ in range(int(count))]


def change(what: str, user_id: str) -> None:
    """Do one thing to a person: deactivate, delete, change_password or revoke_keys."""
    from django_site.accounts.models import User

    person = User.objects.get(pk=user_id)
    _CHANGES[what](person)


def _new_person() -> dict[str, str]:
    from django_site.keys.issue import create_key
    from shared.contract.api_keys import SCOPES
    from tests.integration.gate.gate_bench import new_visitor

    visitor = new_visitor()
    _, token = create_key(visitor.person, name="attacked", scopes=SCOPES, expires_in_days=1)
    return {
        "id": str(visitor.person.pk),
        "username": visitor.person.username,
        "cookie": visitor.cookie,
        "key": token,
    }


def _deactivate(person: Any) -> None:
    person.is_active = False
    person.save()


def _change_password(person: Any) -> None:
    person.set_password("quite another passphrase 7")
    person.save()


def _revoke_keys(person: Any) -> None:
    from django_site.keys.issue import revoke_keys
    from django_site.keys.models import ApiKey

    revoke_keys(ApiKey.objects.of(person), by=person)


_CHANGES: dict[str, Any] = {
    "deactivate": _deactivate,
    "delete": lambda person: person.delete(),
    "change_password": _change_password,
    "revoke_keys": _revoke_keys,
}


def main() -> None:
    """Run the commands given, separated by ``+``; print one line of JSON for each."""
    import django

    django.setup()
    commands: dict[str, Callable[..., object]] = {"people": people, "change": change}
    for line in " ".join(sys.argv[1:]).split(" + "):
        name, *arguments = line.split()
        sys.stdout.write(json.dumps(commands[name](*arguments)) + "\n")


if __name__ == "__main__":
    main()
