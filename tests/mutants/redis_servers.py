"""The guards of which Redis server is believed, what it was told, and what it has on disk."""

from tests.mutants.mutant import Mutant, of

REDIS_MUTANTS = (
    *of(
        ("tests/security/stores/test_replicas.py",),
        Mutant(
            "role on connecting",
            "shared/redis/role.py",
            'if about.get("role") != "master":',
            "if False:",
        ),
        Mutant(
            "write that nobody may ask about",
            "shared/redis/pool.py",
            "if is_write and self.acknowledged:",
            "if is_write and self.acknowledged and self.role_question is not ROLE_BY_HELLO:",
        ),
        Mutant(
            "connections of before",
            "shared/redis/pool.py",
            'if getattr(connection, "generation", self._generation) != self._generation:',
            "if False:",
        ),
        Mutant(
            "role with each command",
            "shared/redis/client.py",
            "                pool.hear(connection, question)\n",
            "                with suppress(ResponseError):\n                    connection.read_response()\n",
        ),
        Mutant(
            "role with each lean read",
            "shared/redis/pool.py",
            "            if role:\n",
            "            if False:\n",
        ),
        Mutant(
            "leaving a replica",
            "shared/redis/gateway.py",
            "            self.client.connection_pool.leave()\n",
            "            pass\n",
        ),
    ),
    *of(
        ("tests/integration/redis/test_redis_in_the_log.py",),
        Mutant(
            "outage in the log, until it is over",
            "shared/redis/gateway.py",
            "self._is_told_away = self._breaker.is_open",
            "self._is_told_away = False",
        ),
    ),
    *of(
        ("tests/integration/contract/test_check.py",),
        Mutant(
            "what a start refuses, found by --check",
            "wsgi.py",
            "*_refusals(service)",
            "*()",
        ),
    ),
    *of(
        ("tests/integration/redis/test_lean_reads.py",),
        Mutant(
            "connections as old as one that had ended",
            "shared/redis/pool.py",
            "            self.drop()  # the others may be as old: who asks again gets a new one\n",
            "",
        ),
        Mutant(
            "reply after a time-out",
            "shared/redis/pool.py",
            "        connection.disconnect()\n        raise RedisTimeoutError",
            "        raise RedisTimeoutError",
        ),
    ),
    *of(
        ("tests/integration/redis/finding/test_primary_finder.py",),
        Mutant(
            "majority of the Sentinels",
            "shared/redis/sentinel.py",
            "if votes[named] > len(self._sentinels) // 2:",
            "if votes[named]:",
        ),
        Mutant(
            "Sentinel that is slow",
            "shared/redis/asking.py",
            "deadline = time.monotonic() + longest_s",
            "deadline = time.monotonic() + timeout_s",
        ),
        Mutant(
            "answer of who is slow to who waits for it",
            "shared/redis/finder.py",
            "if not self._lock.acquire(timeout=self._longest_s):",
            "if not self._lock.acquire(timeout=self._timeout_s):",
        ),
    ),
    *of(
        ("tests/integration/redis/finding/test_slot_finder.py",),
        Mutant(
            "node that sees no majority",
            "shared/redis/cluster.py",
            "if not isinstance(answer, RedisError):",
            "if True:",
        ),
        Mutant(
            "nodes that are silent, each beside the next",
            "shared/redis/asking.py",
            "timeout=min(patience_s, remaining_s) if left else remaining_s",
            "timeout=remaining_s",
        ),
        Mutant(
            "node that is silent, once",
            "shared/redis/cluster.py",
            "if asked.setdefault(node, first) != first:",
            "if False:",
        ),
        Mutant(
            "wait for another's question",
            "shared/redis/finder.py",
            "if not self._lock.acquire(timeout=self._longest_s):",
            "if not self._lock.acquire():",
        ),
        Mutant(
            "nodes that are slow and name each other",
            "shared/redis/finder.py",
            "min(round_trips * timeout_s, _LONGEST_S)",
            "round_trips * timeout_s",
        ),
        Mutant(
            "node that another names",
            "shared/redis/cluster.py",
            "return (node[0] if host in _SAME_HOST else host), port",
            "return node",
        ),
    ),
    *of(
        ("tests/fleet/test_cluster.py",),
        Mutant(
            "command that another node is to be told",
            "shared/redis/pool.py",
            "ELSEWHERE = (ReadOnlyError, MovedError, ClusterDownError)",
            "ELSEWHERE = (ReadOnlyError,)",
        ),
    ),
    *of(
        ("tests/integration/redis/test_redis_prefix.py",),
        Mutant(
            "Cluster without a hash tag",
            "shared/settings/redis_url.py",
            'and "{" not in PREFIX:',
            "and False:",
        ),
        Mutant(
            "prefix that is not in use",
            "shared/settings/contract.py",
            "if value != PREFIX:",
            "if False:",
        ),
    ),
    *of(
        ("tests/integration/redis/test_another_server.py",),
        Mutant(
            "rights to read what scripts wrote",
            "deploy/redis/users.acl",
            "user default off resetpass resetkeys resetchannels ~* &* +@all",
            "user default off resetpass resetkeys resetchannels -@all",
        ),
    ),
    *of(
        ("tests/fleet/test_sentinel.py",),
        Mutant(
            "write that no replica has",
            "shared/redis/replication.py",
            "if reply < self._replicas:",
            "if False:",
        ),
    ),
    *of(
        ("tests/integration/api/test_api_health.py",),
        Mutant(
            "ready without a replica",
            "shared/redis/replication.py",
            '| {"SETRANGE"}',
            "| set()",
        ),
    ),
    *of(
        ("tests/integration/engine/remote/test_wrong_clock.py",),
        Mutant(
            "Redis' clock",
            "shared/clock.py",
            "            self._ahead_s = ahead_s\n",
            "            pass\n",
        ),
    ),
    *of(
        ("tests/security/bytes/test_error_replies.py",),
        Mutant(
            "reply that is no answer",
            "shared/redis/gateway.py",
            "if meaning is Meaning.MISTAKE:",
            "if True:",
        ),
    ),
    *of(
        ("tests/integration/redis/test_valkey_acl.py",),
        Mutant(
            "API reads sessions only",
            "deploy/redis/users.acl",
            "user api on #{api_sha256} resetkeys resetchannels %R~gatehouse:session:*",
            "user api on #{api_sha256} resetkeys resetchannels ~gatehouse:session:*",
        ),
    ),
    *of(
        ("tests/integration/disk/test_append_sync.py",),
        Mutant(
            "a disk that fails",
            "deploy/redis/append_sync.py",
            "server.kill()  # first",
            "pass  # first",
        ),
        Mutant(
            "what puts files onto the disk is looked after",
            "deploy/redis/durability.py",
            "            self._begin_sync(server)\n        except",
            "            pass\n        except",
        ),
    ),
    *of(
        ("tests/integration/disk/test_sync_again.py",),
        Mutant(
            "no process for a moment",
            "deploy/redis/durability.py",
            "unsynced_s < _TRY_AGAIN_S and",
            "False and",
        ),
        Mutant(
            "no process for long",
            "deploy/redis/durability.py",
            "unsynced_s < _TRY_AGAIN_S and ",
            "",
        ),
        Mutant(
            "all the time the next time",
            "deploy/redis/durability.py",
            "        self._unsynced_since = None\n\n",
            "\n",
        ),
    ),
    *of(
        ("tests/integration/disk/test_reserve.py",),
        Mutant(
            "reserve that is written",
            "deploy/redis/durability.py",
            "if error.errno in _NO_ROOM:\n                raise\n",
            "if True:\n                raise\n",
        ),
        Mutant(
            "a start without a reserve",
            "deploy/redis/durability.py",
            "if error.errno in _NO_ROOM:\n                raise ChildError",
            "if True:\n                raise ChildError",
        ),
        Mutant("no link is followed", "deploy/redis/durability.py", " | os.O_NOFOLLOW", ""),
    ),
    *of(
        ("tests/integration/disk/test_full_disk.py",),
        Mutant(
            "room for what is not written yet",
            "deploy/redis/valkey.py",
            "self._durability.give_up_reserve()",
            "pass",
        ),
        Mutant(
            "server that can't write",
            "deploy/redis/durability.py",
            "if time.monotonic() - self._refuses_since >= _PATIENCE_S:",
            "if False:",
        ),
    ),
    *of(
        ("tests/integration/redis/test_redis_urls.py",),
        Mutant(
            "few Sentinels that do not know the name",
            "shared/redis/sentinel.py",
            "if len(unknown) <= len(self._sentinels) // 2:",
            "if False:",
        ),
    ),
)
