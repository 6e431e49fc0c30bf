"""Remove the gate's guards one at a time: each time a test must fail. ``python -m tests.mutants`` (minutes).

A guard that can be removed with every test green is a guard that somebody will remove. Works on a copy of the tree.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
NOT_COPIED = shutil.ignore_patterns(".git", ".venv*", "var", "__pycache__", ".*_cache", ".hypothesis")
GATE = (
    "tests/unit/test_shared_api_keys.py",
    "tests/unit/test_shared_guards.py",
    "tests/unit/test_shared_principal.py",
    "tests/unit/test_shared_session.py",
    "tests/unit/test_shared_signing.py",
    "tests/unit/test_shared_cookies.py",
    "tests/integration/test_gate_attacks.py",
    "tests/integration/test_gate_cross_site.py",
    "tests/integration/test_gate_credentials.py",
    "tests/integration/test_gate_refusals.py",
    "tests/integration/test_gate_reads.py",
    "tests/integration/test_gate_keys.py",
    "tests/integration/test_gate_https.py",
    "tests/integration/test_requirements.py",
    "tests/integration/test_revocation.py",
    "tests/integration/test_linked_reader.py",
    "tests/integration/test_api_jobs.py",
    "tests/integration/test_verdicts.py",
)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One guard, as it stands and with it removed."""

    name: str
    path: str
    guard: str
    without: str


MUTANTS = (
    Mutant("session key's form", "shared/guards.py", "if not is_session_key(session_key):", "if False:"),
    Mutant(
        "session's presence",
        "shared/entries.py",
        'return f"{PREFIX}session:{digest(session_key)}"',
        'return f"{PREFIX}session:x"',
    ),
    Mutant("entry that leads elsewhere now", "shared/linked_reader.py", "if entry == first.guess:", "if first.guess:"),
    Mutant("anonymous session", "shared/guards.py", "if record.user_id is None:", "if False:"),
    Mutant("auth hash", "shared/guards.py", "if not _is_current(record.auth_hash, principal):", "if False:"),
    Mutant(
        "empty auth hash", "shared/guards.py", "principal.auth_hash_fallbacks) if hash_]", "principal.auth_hash_fallbacks, '')]"
    ),
    Mutant("backend given up", "shared/guards.py", "if record.backend not in principal.backends:", "if False:"),
    Mutant("inactive principal", "shared/guards.py", "if not principal.is_active:", "if False:"),
    Mutant("key's form", "shared/guards.py", "if not is_key(token):", "if False:"),
    Mutant("key's checksum", "shared/api_keys.py", "return candidate[-_CHECKSUM_LENGTH:] == _checksum(body)", "return True"),
    Mutant("key's expiry", "shared/api_keys.py", "if now >= record.expires_at:", "if False:"),
    Mutant("idle lifetime", "shared/session.py", "if now >= record.expires_at:", "if False:"),
    Mutant("absolute lifetime", "shared/session.py", "if now >= record.created_at + self.lifetimes.absolute_s:", "if False:"),
    Mutant("record's version", "shared/session.py", 'if payload.get("v") != VERSION:', "if False:"),
    Mutant("signature", "shared/signing.py", "if True not in [", "if False and True not in ["),
    Mutant("entry in the salt", "shared/signing.py", 'return f"{_SALT}:{entry}"', "return _SALT"),
    Mutant("age of the signature", "shared/signing.py", "if max_age_s is not None and age_s > max_age_s:", "if False:"),
    Mutant("principal's own id", "shared/principal.py", ' or payload.get("id") != user_id', ""),
    Mutant("cookie that comes twice", "shared/cookies.py", "if len(values) > 1:", "if False:"),
    Mutant(
        "key before cookie",
        "flask_api/gate/credentials.py",
        "if authorization is not None:",
        'if authorization and "gh_" in authorization:',
    ),
    Mutant("HTTPS in production", "flask_api/gate/credentials.py", '(forwarded or request.scheme) != "https"', "False"),
    Mutant("scheme Bearer", "flask_api/gate/credentials.py", 'if scheme.lower() == "bearer" else ""', 'if scheme else ""'),
    Mutant(
        "cross-site",
        "flask_api/gate/credentials.py",
        "if request.method not in SAFE_METHODS and not (_is_same_origin(request) or _is_trusted(request, trusted)):",
        "if False:",
    ),
    Mutant(
        "same-site sibling", "flask_api/gate/credentials.py", '("same-origin", "none")', '("same-origin", "none", "same-site")'
    ),
    Mutant("opaque origin", "flask_api/gate/credentials.py", "if origin is None:", 'if origin in (None, "null"):'),
    Mutant("origin", "flask_api/gate/credentials.py", "return bool(host) and host == _host(request.host)", "return bool(host)"),
    Mutant(
        "closed by default",
        "flask_api/app.py",
        'if request.endpoint not in current_app.config["OPEN_ENDPOINTS"]:',
        "if request.endpoint is None:",
    ),
    Mutant("JSON only", "flask_api/json_body.py", 'if request.mimetype != "application/json":', "if False:"),
    Mutant(
        "other people's jobs",
        "flask_api/jobs/engine.py",
        "if job is None or not (sees_all or job.owner.id == viewer.id):",
        "if job is None:",
    ),
    Mutant("permission", "flask_api/gate/requirements.py", "if not test(identity.principal):", "if False:"),
    Mutant("verified address", "flask_api/gate/requirements.py", "if not identity.principal.email_verified:", "if False:"),
    Mutant(
        "scope", "flask_api/gate/requirements.py", "if not any(identity.has_scope(scope) for scope in scopes):", "if False:"
    ),
    Mutant(
        "recent log-in", "flask_api/gate/requirements.py", "if clock() - identity.authenticated_at > max_age_s:", "if False:"
    ),
    Mutant(
        "somebody else's proof",
        "shared/guards.py",
        'if str(record.data.get("account_authentication_methods_user", record.user_id)) != record.user_id:',
        "if False:",
    ),
    Mutant("step-up by key", "flask_api/gate/requirements.py", "if identity.authenticated_at is None:", "if False:"),
)


NO_MUTANT = Mutant("nothing", "shared/guards.py", "class Guards:", "class Guards:")


def survivors(mutants: tuple[Mutant, ...] = MUTANTS, *, at_once: int = 2) -> Iterator[str]:
    """Yield a line for every guard whose removal no test noticed, or that could not be tried."""
    if (code := _tests_of(NO_MUTANT)) != 0:  # else every mutant would look noticed
        yield f"the tests fail with nothing removed: pytest ended with {code}"
        return
    with ThreadPoolExecutor(at_once) as pool:
        yield from filter(None, pool.map(_survives, mutants))


def _survives(mutant: Mutant) -> str | None:
    if (ROOT / mutant.path).read_text().count(mutant.guard) != 1:
        return f"{mutant.name}: {mutant.path} does not hold its guard exactly once any more"
    code = _tests_of(mutant)
    # 1: a test failed. Anything else (5: no tests, 2: broken) proves nothing.
    return None if code == 1 else f"{mutant.name}: pytest ended with {code}"


def _tests_of(mutant: Mutant) -> int:
    """Run the gate's tests in a copy of the tree with this guard removed; return pytest's exit code."""
    with tempfile.TemporaryDirectory(prefix="gatehouse-mutant-") as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(ROOT, copy, ignore=NOT_COPIED)
        changed = copy / mutant.path
        changed.write_text(changed.read_text().replace(mutant.guard, mutant.without))
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *GATE],
            cwd=copy,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "NIGHTLY_EXAMPLES": "50"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            timeout=300,
        ).returncode


def main() -> int:
    """Try every mutant, or those whose names are given; return the exit code."""
    wanted = tuple(mutant for mutant in MUTANTS if not sys.argv[1:] or mutant.name in sys.argv[1:])
    found = list(survivors(wanted))
    for line in found:
        print(f"survived: {line}")  # noqa: T201  # a command's own voice
    print(f"{len(wanted) - len(found)} of {len(wanted)} removed guards were noticed")  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
