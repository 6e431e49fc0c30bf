"""The guards of the gate: who asks, and may they?"""

from tests.mutants.mutant import Mutant, of

TESTS = (
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

GATE_MUTANTS = of(
    TESTS,
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
    Mutant("JSON only", "flask_api/http/json_body.py", 'if request.mimetype != "application/json":', "if False:"),
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
