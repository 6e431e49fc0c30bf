"""The guards of operators: who is one, what is written before it is done, what is paused."""

from tests.mutants.mutant import Mutant, of

_ACCESS = "flask_api/http/operators/access.py"
_JOBS = "flask_api/views/operate/jobs.py"
_FLEET = "flask_api/jobs/workers/remote/fleet.py"
_PEOPLE = "flask_api/views/operate/people.py"
_FAILURES = "flask_api/jobs/operating/failures.py"

OPERATORS_MUTANTS = (
    *of(
        ("tests/unit/jobs/remote/test_jobs_fleet.py",),
        Mutant(
            "what anybody reads names no task",
            _FLEET,
            "sum(1 for _, task in troubles if task)",
            "[task for _, task in troubles]",
        ),
        Mutant("logged once", _FLEET, "_log(found - self._known,", "_log(found,"),
        Mutant("few tasks in a line", _FLEET, "tasks[:_MOST_NAMED]", "tasks"),
    ),
    *of(
        ("tests/integration/engine/remote/test_worker_troubles.py",),
        Mutant(
            "nothing for another version of a task",
            "flask_api/jobs/workers/remote/fleet.py",
            "kind.tasks.difference(kind.differing(self._signatures))",
            "kind.tasks",
        ),
    ),
    *of(
        ("tests/unit/jobs/remote/test_jobs_rabbitmq_frames.py",),
        Mutant(
            "no large message of RabbitMQ",
            "flask_api/jobs/workers/remote/rabbitmq_messages.py",
            "if size > MOST_BYTES or len(header) - _FIXED > MOST_BYTES:",
            "if False:",
        ),
        Mutant(
            "no unreadable message of RabbitMQ",
            "flask_api/jobs/workers/remote/rabbitmq_messages.py",
            "except Exception:  # of a stranger's bytes\n        return False",
            "except Exception:\n        return True",
        ),
    ),
    *of(
        ("tests/unit/jobs/remote/test_jobs_signature.py",),
        Mutant(
            "version of a task",
            "flask_api/jobs/tasks/signature.py",
            "told = [_bare(task.arguments_schema), task.policy.version]",
            "told = [_bare(task.arguments_schema)]",
        ),
    ),
    *of(
        ("tests/integration/engine/remote/test_fleet_health.py",),
        Mutant(
            "nothing for workers with another secret",
            "flask_api/jobs/records/roster/kinds.py",
            "return not self.keys or key in self.keys",
            "return True",
        ),
        Mutant(
            "workers of another format",
            "flask_api/jobs/records/roster/kinds.py",
            'if stored["format"] != FORMAT:\n                return None',
            "",
        ),
    ),
    *of(
        ("tests/security/operators/test_operators_api.py",),
        Mutant("viewers are staff", _ACCESS, "return principal.is_staff and (", "return ("),
        Mutant(
            "operators are staff",
            _ACCESS,
            "principal.is_staff and principal.has_permission(OPERATE_PERMISSION)",
            "principal.has_permission(OPERATE_PERMISSION)",
        ),
        Mutant(
            "viewers only look",
            _ACCESS,
            "may = may_operate if acts else may_view",
            "may = may_view",
        ),
        Mutant("scopes of operators", _ACCESS, "        require_scope(identity, scope)\n", ""),
        Mutant(
            "record of single acts",
            "flask_api/http/reach.py",
            "    begin_deeds(act, [(thing, owner_id)])\n",
            "",
        ),
        Mutant(
            "outcome of single acts",
            "flask_api/http/operators/record.py",
            "after_this_request(_end_open)",
            "pass",
        ),
        Mutant(
            "search needs jobs:read in all jobs",
            _JOBS,
            "require_scope(current_identity(), READ_SCOPE)",
            "pass",
        ),
        Mutant(
            "contents need jobs:read in all jobs",
            _JOBS,
            "has_contents = sees_contents()",
            "has_contents = True",
        ),
        Mutant(
            "messages need jobs:read",
            "flask_api/views/operate/failures.py",
            "group.message if has_contents else",
            "group.message if True else",
        ),
        Mutant("a hundred at once", _JOBS, "max_length=MOST_AT_ONCE", "max_length=1000"),
        Mutant(
            "only what is there is paused",
            "flask_api/views/operate/pauses.py",
            "if not _is_known(wanted.what, wanted.name):",
            "if False:",
        ),
    ),
    *of(
        ("tests/security/operators/test_look_at_person.py",),
        Mutant("looks at people are operators'", _PEOPLE, "@viewer_required\n@scope", "@scope"),
        Mutant("looks at people need jobs:read", _PEOPLE, '@scope_required("jobs:read")\n', ""),
        Mutant(
            "record of looks at people",
            _PEOPLE,
            '    begin_deeds(LOOK, [(f"person {person_id}", person_id)])\n',
            "",
        ),
    ),
    *of(
        ("tests/integration/operators/test_person_page.py",),
        Mutant(
            "page of a person for viewers",
            "django_site/operators/person_page.py",
            "@viewers_page\n",
            "",
        ),
    ),
    *of(
        ("tests/integration/operators/test_operators_pages.py",),
        Mutant(
            "pages for viewers",
            "django_site/operators/access.py",
            "page(_only(may_view, view))",
            "page(view)",
        ),
        Mutant(
            "acts for operators",
            "django_site/operators/access.py",
            "page(_only(may_operate, view))",
            "page(view)",
        ),
        Mutant(
            "record in the admin",
            "django_site/operators/admin.py",
            "        if not may_view(request):\n            raise PermissionDenied\n",
            "",
        ),
        Mutant(
            "asked before it is done",
            "django_site/operators/job_pages.py",
            'elif "sure" not in request.POST:',
            "elif False:",
        ),
    ),
    *of(
        ("tests/integration/engine/sharing/test_engine_pauses.py",),
        Mutant(
            "paused tasks wait",
            "flask_api/jobs/workers/queue.py",
            "if task in self.paused:",
            "if False:",
        ),
        Mutant(
            "what is paused is not stolen",
            "flask_api/jobs/work_stealing.py",
            "            and job.task not in executor.queue.paused\n",
            "",
        ),
        Mutant(
            "what is paused is no reason to look",
            "flask_api/jobs/records/beats.py",
            "load.waiting - load.paused - load.brief",
            "load.waiting - load.brief",
        ),
        Mutant(
            "pauses at every beat",
            "flask_api/jobs/membership.py",
            "if answer.alive and answer.pauses != self.pauses:",
            "if False:",
        ),
    ),
    *of(
        ("tests/integration/engine/operating/test_all_jobs.py",),
        Mutant(
            "record is bounded",
            "flask_api/jobs/records/lua/audit.lua",
            "if excess > 0 then",
            "if false then",
        ),
        Mutant(
            "looks push out no deeds",
            "flask_api/jobs/operating/audit.py",
            "if all(deed.act == LOOK for deed in deeds):",
            "if False:",
        ),
        Mutant(
            "no look has a deed's id",
            "flask_api/jobs/records/lua/audit.lua",
            "if #redis.call('XRANGE', KEYS[3], id, id) > 0 then",
            "if false then",
        ),
        Mutant(
            "outcomes stay",
            "flask_api/jobs/records/lua/audit_end.lua",
            "redis.call('HSETNX'",
            "redis.call('HSET'",
        ),
    ),
    *of(
        ("tests/integration/engine/operating/test_most_read.py",),
        Mutant("jobs that are looked at", _FAILURES, "first < MOST_LOOKED_AT and ", ""),
        Mutant("bytes of errors", _FAILURES, " and size < _MOST_BYTES", ""),
        Mutant("groups of failures", _FAILURES, "groups=ordered[:MOST_GROUPS]", "groups=ordered"),
        Mutant("failures that are in no group", _FAILURES, "ordered[MOST_GROUPS:]", "ordered[:0]"),
        Mutant(
            "holders of unfinished jobs",
            "flask_api/jobs/operating/unfinished.py",
            "[*sorted(instances), *workers][:_MOST_HOLDERS]",
            "[*sorted(instances), *workers]",
        ),
        Mutant(
            "names of onlookers",
            "flask_api/jobs/sharing/onlookers.py",
            ", start=0, num=NAMES_SHOWN",
            "",
        ),
        Mutant(
            "the latest onlookers",
            "flask_api/jobs/sharing/onlookers.py",
            'pipeline.zrevrangebyscore(\n                    keyspace.onlookers(job_id), "+inf", since,',
            'pipeline.zrangebyscore(\n                    keyspace.onlookers(job_id), since, "+inf",',
        ),
    ),
)
