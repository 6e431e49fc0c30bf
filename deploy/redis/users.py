"""The users of Redis, as users.acl describes them to operators and to the embedded server alike."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from shared.contract.entries import JOBS_PREFIX, PREFIX
from shared.environment import DEFAULT_REDIS_PREFIX

ROLES = ("django", "api", "gate", "worker", "admin")

_ACL_TEMPLATE = Path(__file__).with_name("users.acl")


def new_passwords(roles: Sequence[str] = ROLES) -> dict[str, str]:
    """Return a fresh random password for every role."""
    return {role: secrets.token_urlsafe(32) for role in roles}


def render_acl(passwords: Mapping[str, str]) -> str:
    """Return the ACL file's text for these passwords; it holds their SHA-256 only.
    A role without one is no user there. Names begin as they do in this process."""
    names = tuple(f"user {name} " for name in ("default", *passwords))
    users = [line for line in _ACL_TEMPLATE.read_text().splitlines() if line.startswith(names)]
    digests = {
        f"{role}_sha256": hashlib.sha256(word.encode()).hexdigest()
        for role, word in passwords.items()
    }
    text = "".join(f"{line.format_map(digests)}\n" for line in users)
    jobs = f"{DEFAULT_REDIS_PREFIX}jobs:"
    return text.replace(jobs, JOBS_PREFIX).replace(f"~{DEFAULT_REDIS_PREFIX}", f"~{PREFIX}")
