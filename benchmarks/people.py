"""What do people weigh in Redis, and what does reconciling them cost? By who is here, not by who
ever signed up.

    .venv/bin/python -m benchmarks.people

A site with so many people, of whom few are logged in, each with one session as a browser has it.
Measured at a tenth of the size and at the whole one: what grows with what?
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, cast

from benchmarks.measuring.context import USER_AGENT, Context
from deploy.redis.users import new_passwords
from deploy.redis.valkey import EmbeddedValkey
from shared.contract.entries import PREFIX
from shared.redis import RedisClient, build_client

_KINDS = {
    "session": "session:*",
    "principal": "principal:*",
    "set of permissions": "permissions:*",
    "key": "key:*",
    "sessions of a person": "sessions-of:*",
}
_SETS = 20
_BATCH = 500


def main() -> int:
    """Run the benchmark that the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.people", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument("--people", type=int, default=100_000, help="at the whole size")
    parser.add_argument("--here", type=int, default=1_000, help="of them, logged in")
    parser.add_argument("--permissions", type=int, default=50, help="in each of 20 sets")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as name:
        folder = Path(name)
        with EmbeddedValkey(folder / "valkey", passwords=new_passwords()) as valkey:
            _set_up(Context.of(folder, valkey))
            admin = build_client(
                valkey.url("admin"), timeout_s=10, max_connections=2, of_primary=False
            )
            site = _Site(admin, permissions=options.permissions)
            sizes = [
                site.grow(options.people // 10, options.here // 10),
                site.grow(options.people, options.here),
            ]
            admin.connection_pool.disconnect()
    print(json.dumps(sizes, indent=2) if options.json else _table(sizes))
    return 0


def _set_up(context: Context) -> None:
    os.environ.update(
        GATEHOUSE_VAR_DIR=context.folder,
        GATEHOUSE_SESSION_SECRETS=context.session_secret,
        GATEHOUSE_SECRET_KEY=context.secret_key,
        GATEHOUSE_SITE_REDIS_URL=context.site_redis_url,
        GATEHOUSE_ALLOWED_HOSTS="testserver",
        DJANGO_SETTINGS_MODULE="django_site.settings",
    )
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


class _Site:
    """A site that grows; what it holds is measured after each step."""

    def __init__(self, admin: RedisClient, *, permissions: int) -> None:
        from django.contrib.auth.models import Group, Permission
        from django.contrib.contenttypes.models import ContentType

        self._admin = admin
        self._people: list[Any] = []
        self._here = 0
        kind = ContentType.objects.get_for_model(Group)
        self._groups = []
        for number in range(_SETS):
            group = Group.objects.create(name=f"group {number}")
            names = [f"may_do_{number}_{each}" for each in range(permissions)]
            group.permissions.set(
                Permission.objects.bulk_create(
                    Permission(codename=name, name=name, content_type=kind) for name in names
                )
            )
            self._groups.append(group)
        self._empty = self._used()

    def grow(self, people: int, here: int) -> dict[str, Any]:
        """Have so many people, of whom so many are logged in; return what that weighs and costs."""
        from django_site.accounts.models import User

        missing = range(len(self._people), people)
        self._people += User.objects.bulk_create(
            [
                User(username=f"person{number}", email=f"person{number}@example.org")
                for number in missing
            ],
            batch_size=_BATCH,
        )
        members: Any = User.groups.through
        members.objects.bulk_create(
            [
                members(user_id=self._people[number].pk, group=self._groups[number % _SETS])
                for number in missing
            ],
            batch_size=_BATCH,
        )
        # those who are here are of the whole site, not the first ones
        step = max(1, len(missing) // max(1, here - self._here))
        for turn, person in enumerate(self._people[missing.start :: step][: here - self._here]):
            _log_in(person, with_key=turn % 10 == 0)
        self._here = here
        return self._measure()

    def _measure(self) -> dict[str, Any]:
        from django_site.publishing.rebuild import rebuild, reconcile_slices

        rebuild()
        began = time.thread_time()
        seen = sum(slice_.seen for name, slice_ in reconcile_slices() if name == "people")
        worked_s = time.thread_time() - began
        return {
            "people": len(self._people),
            "here": self._here,
            "redis_bytes": self._used() - self._empty,
            "bytes_each": {name: self._each(pattern) for name, pattern in _KINDS.items()},
            "reconciled": seen,
            "reconcile_us_each": round(1e6 * worked_s / max(1, seen)),
        }

    def _each(self, pattern: str) -> int:
        weights = [
            int(cast(int, self._admin.memory_usage(name, samples=0)))
            for name in self._admin.scan_iter(match=f"{PREFIX}{pattern}", count=1000)
        ]
        return round(sum(weights) / len(weights)) if weights else 0

    def _used(self) -> int:
        return int(self._admin.info("memory")["used_memory"])


def _log_in(person: Any, *, with_key: bool) -> None:
    """Log in as a browser is: a session with what Django and we keep in it."""
    from allauth.account.models import EmailAddress

    from django_site.keys.issue import create_key
    from django_site.principals.publish import publish_with_session
    from django_site.sessions.engine import SessionStore

    publish_with_session(person.pk)
    session = SessionStore()
    session["_auth_user_id"] = str(person.pk)
    session["_auth_user_backend"] = "allauth.account.auth_backends.AuthenticationBackend"
    session["_auth_user_hash"] = person.get_session_auth_hash()
    session["_gatehouse_seen"] = {"at": 0, "address": "203.0.113.7", "user_agent": USER_AGENT}
    session.create()
    if with_key:
        EmailAddress.objects.create(user=person, email=person.email, verified=True)
        create_key(person, name="nightly", scopes=["jobs:read"], expires_in_days=30)


def _table(sizes: list[dict[str, Any]]) -> str:
    lines = []
    for size in sizes:
        total = size["redis_bytes"]
        lines += [
            f"{size['people']:,} people, {size['here']:,} of them logged in: "
            f"{total / 1e6:.2f} MB in Redis, {total / max(1, size['here']):,.0f} bytes for each "
            "who is logged in",
            *(f"  {name:<24}{weight:>8,} bytes" for name, weight in size["bytes_each"].items()),
            f"  reconciling {size['reconciled']:,} people: {size['reconcile_us_each']} us of work "
            "for each",
        ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
