"""The guards of the gate: who asks, and may they?"""

from tests.mutants.mutant import Mutant, of

TESTS = (
    "tests/unit/shared/test_shared_api_keys.py",
    "tests/unit/shared/test_shared_authentication.py",
    "tests/unit/shared/test_shared_permissions.py",
    "tests/unit/shared/test_shared_principal.py",
    "tests/unit/shared/test_shared_session.py",
    "tests/unit/shared/test_shared_signing.py",
    "tests/unit/shared/http/test_shared_cookies.py",
    "tests/integration/gate/test_forward_auth.py",
    "tests/integration/gate/test_gate_attacks.py",
    "tests/integration/gate/test_gate_cross_site.py",
    "tests/integration/gate/test_gate_credentials.py",
    "tests/integration/gate/test_gate_refusals.py",
    "tests/integration/gate/test_gate_reads.py",
    "tests/integration/gate/test_gate_keys.py",
    "tests/integration/gate/test_gate_https.py",
    "tests/integration/gate/test_requirements.py",
    "tests/integration/gate/test_revocation.py",
    "tests/integration/gate/test_linked_reader.py",
    "tests/integration/contract/test_permission_sets.py",
    "tests/integration/api/test_api_jobs.py",
    "tests/integration/gate/test_verdicts.py",
)

GATE_MUTANTS = of(
    TESTS,
    Mutant(
        "session key's form",
        "shared/contract/authentication.py",
        "if not is_session_key(session_key):",
        "if False:",
    ),
    Mutant(
        "session's presence",
        "shared/contract/entries.py",
        'return f"{PREFIX}session:{digest(session_key)}"',
        'return f"{PREFIX}session:x"',
    ),
    Mutant(
        "entry that leads elsewhere now",
        "shared/contract/linked_reader.py",
        "if entry == first.guess:",
        "if first.guess:",
    ),
    Mutant(
        "anonymous session",
        "shared/contract/authentication.py",
        "if user_id is None:",
        "if False:",
    ),
    Mutant(
        "auth hash",
        "shared/contract/authentication.py",
        "if not record.has_hash_of((principal.auth_hash, *principal.auth_hash_fallbacks)):",
        "if False:",
    ),
    Mutant(
        "empty auth hash",
        "shared/contract/session.py",
        " for each in hashes if each]",
        " for each in (*hashes, '')]",
    ),
    Mutant(
        "backend given up",
        "shared/contract/authentication.py",
        "if record.backend not in principal.backends:",
        "if False:",
    ),
    Mutant(
        "inactive principal",
        "shared/contract/authentication.py",
        "if not principal.is_active:",
        "if False:",
    ),
    Mutant("key's form", "shared/contract/authentication.py", "if not is_key(token):", "if False:"),
    Mutant(
        "key's checksum",
        "shared/contract/api_keys.py",
        "return candidate[-_CHECKSUM_LENGTH:] == _checksum(body)",
        "return True",
    ),
    Mutant(
        "key's expiry", "shared/contract/api_keys.py", "if now >= record.expires_at:", "if False:"
    ),
    Mutant(
        "idle lifetime", "shared/contract/session.py", "if now >= record.expires_at:", "if False:"
    ),
    Mutant(
        "absolute lifetime",
        "shared/contract/session.py",
        "if now >= record.created_at + self.lifetimes.absolute_s:",
        "if False:",
    ),
    Mutant(
        "record's version",
        "shared/contract/session.py",
        'if payload.get("v") != VERSION:',
        "if False:",
    ),
    Mutant(
        "signature", "shared/contract/signing.py", "if True not in [", "if False and True not in ["
    ),
    Mutant(
        "entry in the salt",
        "shared/contract/signing.py",
        'return f"{_SALT}:{entry}"',
        "return _SALT",
    ),
    Mutant(
        "name of what was verified",
        "shared/contract/signing.py",
        "text = (entry, value)",
        'text = ("", value)',
        ("tests/unit/shared/test_shared_signing.py",),
    ),
    Mutant(
        "age of the signature",
        "shared/contract/signing.py",
        "if max_age_s is not None and time.time() - signed_at > max_age_s:",
        "if False:",
    ),
    Mutant(
        "principal's own id", "shared/contract/principal.py", ' or payload.get("id") != user_id', ""
    ),
    Mutant(
        "set of permissions that is lost",
        "shared/contract/permissions.py",
        'raise SessionStoreUnavailable("Permissions are not published yet; try again shortly.")',
        "return frozenset()",
    ),
    Mutant(
        "version of a set",
        "shared/contract/permissions.py",
        'payload.get("v") != VERSION or not isinstance(names, list)',
        "names is None",
    ),
    Mutant("cookie that comes twice", "shared/http/cookies.py", "if len(values) > 1:", "if False:"),
    Mutant(
        "key before cookie",
        "flask_api/gate/credentials.py",
        "if authorization is not None:",
        'if authorization and "gh_" in authorization:',
    ),
    Mutant(
        "HTTPS in production",
        "flask_api/gate/credentials.py",
        '(forwarded or request.scheme) != "https"',
        "False",
    ),
    Mutant(
        "scheme Bearer",
        "flask_api/gate/credentials.py",
        'if scheme.lower() == "bearer" else ""',
        'if scheme else ""',
    ),
    Mutant(
        "cross-site",
        "flask_api/gate/credentials.py",
        "request.method not in SAFE_METHODS and not (",
        "False and (",
    ),
    Mutant(
        "same-site sibling",
        "flask_api/gate/credentials.py",
        '("same-origin", "none")',
        '("same-origin", "none", "same-site")',
    ),
    Mutant(
        "opaque origin",
        "flask_api/gate/credentials.py",
        "if origin is None:",
        'if origin in (None, "null"):',
    ),
    Mutant(
        "origin",
        "flask_api/gate/credentials.py",
        "return bool(host) and host == _host(request.host) and",
        "return bool(host) and",
    ),
    Mutant(
        "unknown method",
        "flask_api/gate/forwarded_request.py",
        '_NO_METHOD = ""',
        '_NO_METHOD = "GET"',
    ),
    Mutant(
        "no key without a scope",
        "flask_api/views/auth.py",
        "if identity.key is not None and not passage.scope:",
        "if False:",
    ),
    Mutant(
        "closed by default",
        "flask_api/app.py",
        "if sent.endpoint not in open_endpoints:",
        "if sent.endpoint is None:",
    ),
    Mutant(
        "JSON only",
        "flask_api/http/json_body.py",
        'if sent.environ.get("CONTENT_TYPE") != _JSON and sent.mimetype != _JSON:',
        "if False:",
    ),
    Mutant(
        "other people's jobs",
        "flask_api/jobs/engine.py",
        "if job is None or not (sees_all or job.owner.id == viewer.id):",
        "if job is None:",
    ),
    Mutant(
        "permission",
        "flask_api/gate/requirements.py",
        "if not test(identity.principal):",
        "if False:",
    ),
    Mutant(
        "verified address",
        "flask_api/gate/requirements.py",
        "if not identity.principal.email_verified:",
        "if False:",
    ),
    Mutant(
        "scope",
        "flask_api/gate/requirements.py",
        "if not identity.has_scope(*scopes):",
        "if False:",
    ),
    Mutant(
        "recent log-in",
        "flask_api/gate/requirements.py",
        "if clock() - identity.authenticated_at > max_age_s:",
        "if False:",
    ),
    Mutant(
        "somebody else's proof",
        "shared/contract/session.py",
        'str(self.data.get("account_authentication_methods_user", user_id)) != user_id',
        "False",
    ),
    Mutant(
        "step-up by key",
        "flask_api/gate/requirements.py",
        "if identity.authenticated_at is None:",
        "if False:",
    ),
)
