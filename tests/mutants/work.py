"""The guards of jobs: what a key sees and does, what a person may keep, what a task may reach."""

from tests.mutants.mutant import Mutant, of

_REACH = "flask_api/http/reach.py"
_SUBMIT = "flask_api/jobs/records/lua/submit.lua"

WORK_MUTANTS = (
    *of(
        ("tests/security/test_scopes.py",),
        Mutant(
            "operator's permission",
            _REACH,
            "if not principal.has_permission(OPERATE_PERMISSION):",
            "if False:",
        ),
        Mutant(
            "operator's scope", _REACH, "    require_scope(current_identity(), OPERATE_SCOPE)\n", ""
        ),
        Mutant(
            "receipts",
            _REACH,
            "    if not identity.has_scope(READ_SCOPE):\n",
            "    if False:\n",
        ),
        Mutant(
            "log of acts",
            "flask_api/http/operators/record.py",
            '        security_log.warning("operator acts", extra={**extra, **who})\n',
            "",
        ),
        Mutant(
            "wait needs jobs:read",
            "flask_api/views/jobs.py",
            'require_scope(current_identity(), "jobs:read")',
            "pass",
        ),
    ),
    *of(
        ("tests/integration/engine/keeping/test_engine_quota.py",),
        Mutant(
            "bytes of a person",
            _SUBMIT,
            "if kept.bytes + bytes > tonumber(ARGV[5]) then",
            "if false then",
        ),
        Mutant(
            "ended jobs of a person",
            _SUBMIT,
            "if kept.ended >= tonumber(ARGV[6]) then",
            "if false then",
        ),
        Mutant(
            "bytes of a batch",
            "flask_api/jobs/records/lua/stage.lua",
            "if kept.bytes + bytes > tonumber(ARGV[3]) then",
            "if false then",
        ),
        Mutant(
            "events of a person",
            "flask_api/jobs/records/lua/counting.lua",
            "    shorten(stream, told)\n  end\nend",
            "  end\nend",
        ),
        Mutant("stubs of a person", "flask_api/jobs/removal.py", "if excess > 0:", "if False:"),
    ),
    *of(
        (
            "tests/unit/jobs/test_jobs_waiting.py",
            "tests/unit/flask_api/test_streams.py",
            "tests/integration/api/events/test_api_events_places.py",
        ),
        Mutant(
            "waiting answers of a person",
            "flask_api/streams/places.py",
            " and self._taken.get(person_id, 0) < self._limit_each",
            "",
        ),
    ),
    *of(
        (
            "tests/unit/tasks/test_tasks_web_addresses.py",
            "tests/integration/tasks/test_web_access.py",
        ),
        Mutant(
            "own addresses",
            "flask_api/tasks/web/fetching/addresses.py",
            " and not is_own(address)",
            "",
        ),
        Mutant(
            "public addresses",
            "flask_api/tasks/web/fetching/addresses.py",
            "is_public(address) and (",
            "(",
        ),
        Mutant(
            "ports",
            "flask_api/tasks/web/fetching/addresses.py",
            "(port in _WEB_PORTS or port >= _FIRST_USER_PORT)",
            "True",
        ),
        Mutant(
            "words for inner names",
            "flask_api/tasks/web/fetching/network.py",
            "raise NameNotFound(_NO_PUBLIC_ADDRESS)\n        raise",
            "pass\n        raise",
        ),
        Mutant(
            "credentials in a URL",
            "flask_api/tasks/web/fetching/access.py",
            "if url.userinfo:",
            "if False:",
        ),
    ),
    *of(
        (
            "tests/integration/tasks/test_tasks_web.py",
            "tests/integration/tasks/test_tasks_images.py",
        ),
        Mutant(
            "time of all fetches",
            "flask_api/tasks/web/fetching/budget.py",
            "if self._until <= self._clock():",
            "if False:",
        ),
        Mutant(
            "time of a fetch",
            "flask_api/tasks/web/fetching/budget.py",
            "if self._ends_at <= now:",
            "if False:",
        ),
    ),
    *of(
        ("tests/integration/engine/remote/test_remote_entries.py",),
        Mutant(
            "signature of an entry",
            "flask_api/jobs/workers/remote/entry.py",
            "if not any(",
            "if False and not any(",
        ),
        Mutant(
            "arguments that were accepted",
            "flask_api/jobs/workers/remote/worker.py",
            "if digest_of(attempt.job.arguments) != digest:",
            "if False:",
        ),
    ),
    *of(
        ("tests/integration/engine/remote/test_roster.py",),
        Mutant(
            "slot that was taken a moment ago",
            "flask_api/jobs/workers/remote/worker.py",
            "absent = None if register else self._absent",
            "absent = None",
        ),
    ),
    *of(
        ("tests/integration/engine/remote/test_copied_entries.py",),
        Mutant(
            "entry that runs already",
            "flask_api/jobs/workers/remote/worker.py",
            "if not self._taken.add(entry):",
            "if self._taken.add(entry) is None:",
        ),
    ),
    *of(
        ("tests/security/test_child_secrets.py",),
        Mutant(
            "child's settings", "flask_api/jobs/workers/child.py", '"session_secrets": (), ', ""
        ),
        Mutant(
            "child's sessions",
            "flask_api/jobs/workers/child.py",
            '"redis_url": jobs, "api_redis_url": jobs, ',
            "",
        ),
        Mutant(
            "child's environment", "flask_api/jobs/workers/child.py", "    forget_secrets()\n", ""
        ),
    ),
    *of(
        ("tests/security/test_shown.py",),
        Mutant("mode of folders", "flask_api/jobs/files/storage.py", "mode=0o700", "mode=0o755"),
        Mutant(
            "mode of files",
            "flask_api/jobs/files/storage.py",
            "os.open(name, flags, 0o600)",
            "os.open(name, flags, 0o644)",
        ),
    ),
    *of(
        ("tests/unit/jobs/remote/test_jobs_celery_urls.py",),
        Mutant(
            "certificate of Celery's Redis",
            "flask_api/jobs/workers/remote/celery_carrier.py",
            '{"ssl_cert_reqs": "required", "ssl_check_hostname": True, **given}',
            '{"ssl_cert_reqs": "none", **given}',
        ),
        Mutant(
            "database of Celery's socket",
            "flask_api/jobs/workers/remote/celery_carrier.py",
            "?virtual_host={database}",
            "",
        ),
    ),
    *of(
        ("tests/integration/engine/remote/test_roster.py",),
        Mutant(
            "job whose end is still to be heard",
            "flask_api/jobs/workers/remote/sent.py",
            "if self._host.held.add([job]):",
            "if True:",
        ),
    ),
    *of(
        ("tests/integration/engine/remote/test_rabbitmq_refusals.py",),
        Mutant(
            "worker that nothing reaches",
            "flask_api/jobs/workers/remote/worker.py",
            "if not self._serves and not self._is_deaf:",
            "if not self._serves:",
        ),
    ),
    *of(
        ("tests/integration/tables/test_tables_rows.py",),
        Mutant(
            "wrong request of who has any copy",
            "flask_api/http/answers.py",
            "known.contains(tag) and not is_any",
            "known.contains(tag)",
        ),
    ),
)
