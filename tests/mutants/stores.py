"""The guards between Django, the database and Redis: what is published, and by whom."""

from tests.mutants.mutant import Mutant, of

STORES_MUTANTS = (
    *of(
        ("tests/integration/redis/test_beside_redis.py",),
        Mutant(
            "number of who listens",
            "shared/redis/beside.py",
            'lines.get("process_id") == str(pid)',
            "True",
        ),
        Mutant(
            "name of who listens",
            "shared/redis/beside.py",
            ' and name == program[:_LONGEST_NAME] != ""',
            "",
        ),
    ),
    *of(
        ("tests/integration/engine/sharing/test_engine_copies.py",),
        Mutant(
            "who listens is Redis",
            "shared/redis/beside.py",
            "isinstance(info, str) and _is_that_of(listener, info)",
            "True",
        ),
    ),
    *of(
        (
            "tests/security/stores/test_publish_order.py",
            "tests/security/stores/test_publish_schedules.py",
        ),
        Mutant(
            "version of a publish",
            "django_site/publishing/replace.lua",
            "version > (tonumber(redis.call('HGET', KEYS[2], entry.name) or '') or 0)",
            "true",
        ),
        Mutant(
            "floor of a rebuild",
            "django_site/publishing/replace.lua",
            " or version < tonumber(order[2] or '0') then",
            " then",
        ),
        Mutant(
            "version of a deletion",
            "django_site/publishing/replace.lua",
            "redis.call('HSET', KEYS[2], entry.name, version)",
            "if entry.value ~= '' then redis.call('HSET', KEYS[2], entry.name, version) end",
        ),
        Mutant(
            "set of permissions with who has it",
            "django_site/publishing/replace.lua",
            "redis.call('SET', name, ARGV[6 + number], 'KEEPTTL')",
            "",
        ),
        Mutant(
            "set that lives as long as who has it",
            "django_site/publishing/replace.lua",
            "math.max(left, ttl, tonumber(ARGV[5]))",
            "ttl",
        ),
    ),
    *of(
        ("tests/integration/contract/test_presence.py",),
        Mutant(
            "arrival that a change overtook",
            "django_site/publishing/replace.lua",
            "if not entry.is_newer and entry.how == 'arrive' and entry.value ~= '' and entry.left "
            "== -2 then",
            "if false then",
        ),
        Mutant(
            "nobody is published who isn't here",
            "django_site/publishing/replace.lua",
            "elseif entry.how ~= 'keep' or entry.left ~= -2 then",
            "else",
        ),
        Mutant(
            "principal that is renewed with the session",
            "django_site/sessions/save.lua",
            "if left >= 0 and left < tonumber(ARGV[3]) then",
            "if false then",
        ),
    ),
    *of(
        ("tests/integration/contract/test_principals.py",),
        Mutant(
            "another's lease",
            "django_site/publishing/renew_lease.lua",
            "if holder and holder ~= ARGV[1] then",
            "if false then",
        ),
    ),
    *of(
        (
            "tests/security/stores/test_models_of_one_table.py",
            "tests/security/stores/test_second_database.py",
        ),
        Mutant(
            "proxies of a key",
            "django_site/keys/signals.py",
            "if tables_of(model) & tables_of(ApiKey):",
            "if model is ApiKey:",
        ),
        Mutant(
            "models made later",
            "django_site/publishing/tables.py",
            "            listen(sender)\n",
            "            pass\n",
        ),
        Mutant(
            "database of a key's commit",
            "django_site/keys/signals.py",
            "republish([digest]), using=using)",
            "republish([digest]))",
        ),
    ),
)
