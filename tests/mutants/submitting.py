"""The guards of what Django's side submits: is it this request, once, of somebody who may?"""

from tests.mutants.mutant import Mutant, of

_GATE = "flask_api/gate/signed_requests.py"
_RECORD = "shared/contract/signed_requests.py"
_OUTBOX = "django_site/submitting/outbox.py"
_GUARDS = "shared/contract/authentication.py"

SUBMITTING_MUTANTS = (
    *of(
        ("tests/security/test_signed_requests.py",),
        Mutant("token's form", _GUARDS, "if not is_token(token):", "if False:"),
        Mutant("audience", _GUARDS, "if signed.audience != audience:", "if False:"),
        Mutant("expiry of a request", _RECORD, "if now >= request.expires_at:", "if False:"),
        Mutant(
            "name of a job",
            _RECORD,
            "if request.job_id and not is_job_id(request.job_id):",
            "if False:",
        ),
        Mutant(
            "services take none",
            _GATE,
            "if not self._audience or sent is not this_request():",
            "if sent is not this_request():",
        ),
        Mutant(
            "a proxy's question",
            _GATE,
            "if not self._audience or sent is not this_request():",
            "if not self._audience:",
        ),
        Mutant(
            "method and target",
            _GATE,
            "if (sent.method, target) != (signed.method, signed.target):",
            "if False:",
        ),
        Mutant(
            "query in the target",
            _GATE,
            'f"{sent.path}?{query}" if query else sent.path',
            "sent.path",
        ),
        Mutant("size", _GATE, "if (sent.content_length or 0) != signed.size:", "if False:"),
        Mutant(
            "digest of the body",
            _GATE,
            "return hmac.compare_digest(hashlib.sha256(body).hexdigest(), signed.body)",
            "return True",
        ),
        Mutant("limit of the body", _GATE, "if most is not None and size > most:", "if False:"),
        Mutant("taken once", _GATE, "nx=True, ", ""),
        Mutant(
            "Django's own keys",
            "flask_api/http/job_requests.py",
            "is_djangos=identity.signed is not None",
            "is_djangos=False",
        ),
        Mutant(
            "another person's job",
            "flask_api/jobs/records/acceptance.py",
            "if found not in (None, owner_id):",
            "if False:",
        ),
    ),
    *of(
        ("tests/integration/submitting/test_submit.py",),
        Mutant(
            "person as the commit left them",
            "django_site/submitting/asking.py",
            "arrive_anew if as_of_now else arrive",
            "arrive",
        ),
        Mutant(
            "after the commit",
            "django_site/submitting/submission.py",
            "transaction.on_commit(after, using=using, robust=True)",
            "after()",
        ),
    ),
    *of(
        ("tests/integration/submitting/test_outbox.py",),
        Mutant(
            "key that outlives its job",
            "flask_api/jobs/records/acceptance.py",
            '"1" if idempotency and not idempotency.outlives_job else "",',
            '"1" if idempotency else "",',
        ),
        Mutant(
            "order of a person's rows",
            _OUTBOX,
            "filter(~Exists(earlier), refused_at=None)",
            "filter(refused_at=None)",
        ),
        Mutant("rows of a person", _OUTBOX, ".count() >= MOST_ROWS", ".count() < 0"),
        Mutant(
            "refused for good",
            _OUTBOX,
            "return error.status in _FOR_GOOD or not row.person.is_active",
            "return error.status in _FOR_GOOD",
        ),
        Mutant(
            "row after the acceptance",
            _OUTBOX,
            "job_id = accept(_order_of(row))",
            "_forget(row)\n        job_id = accept(_order_of(row))",
        ),
    ),
    *of(
        ("tests/integration/submitting/test_outbox_database.py",),
        Mutant(
            "database of the outbox",
            _OUTBOX,
            "if (using or DEFAULT_DB_ALIAS) != rows.db:",
            "if False:",
        ),
    ),
    *of(
        ("tests/integration/tasks_backend/test_tasks_backend.py",),
        Mutant(
            "call that the site signed",
            "django_site/tasks_backend/job.py",
            "if not call.is_signed(job.job_id, signature):",
            "if False:",
        ),
        Mutant(
            "call of this job",
            "django_site/tasks_backend/call.py",
            "[job_id, self.path,",
            "[self.path,",
        ),
        Mutant(
            "tasks only",
            "django_site/tasks_backend/job.py",
            "if not isinstance(found, Task):",
            "if False:",
        ),
        Mutant(
            "results of this backend",
            "django_site/tasks_backend/backend.py",
            'record["task"] != JOB_TASK or record["arguments"].get("backend") != self.alias',
            'record["task"] != JOB_TASK',
        ),
    ),
)
