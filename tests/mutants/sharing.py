"""The guards of what threads and processes share: round trips, waiting jobs, places of a task."""

from tests.mutants.mutant import Mutant, of

_COMMIT = "flask_api/jobs/group_commit.py"
_STEAL = "flask_api/jobs/records/lua/steal.lua"
_NEIGHBOURS = "flask_api/jobs/neighbours.py"
_STEALING = "flask_api/jobs/work_stealing.py"
_TURN = "flask_api/jobs/records/lua/turn.lua"
_SUBMIT = "flask_api/jobs/records/lua/submit.lua"
_THREADS = "flask_api/jobs/workers/threads.py"
_FUTURES = "flask_api/jobs/workers/futures/executor.py"
_POOLS = "flask_api/jobs/workers/futures/kept_pools.py"

SHARING_MUTANTS = (
    *of(
        (
            "tests/unit/jobs/sharing/test_jobs_group_commit.py",
            "tests/integration/engine/sharing/test_engine_group_commit.py",
        ),
        Mutant(
            "patience of a submit",
            _COMMIT,
            "if not ticket.wait(self._patience_s):",
            "if not ticket.wait(None):",
        ),
        Mutant("entries of a round trip", _COMMIT, "len(company) + 1 < MOST_ENTRIES", "True"),
        Mutant("bytes of a round trip", _COMMIT, " or size > MOST_BYTES", ""),
        Mutant("kind of a round trip", _COMMIT, "entry.kind != first.kind or ", ""),
        Mutant(
            "errors of others",
            _SUBMIT,
            "local is_done, answer = pcall(accept, key, at)",
            "local is_done, answer = true, accept(key, at)",
        ),
        Mutant(
            "unfinished jobs of a person",
            _SUBMIT,
            "if unfinished >= tonumber(ARGV[2]) then",
            "if false then",
        ),
    ),
    *of(
        (
            "tests/unit/jobs/sharing/test_jobs_work_stealing.py",
            "tests/integration/engine/sharing/test_engine_stealing.py",
        ),
        Mutant(
            "taken jobs wait", _STEAL, " and redis.call('HGET', record, 'status') == 'queued'", ""
        ),
        Mutant("taken jobs are the giver's", _STEAL, "is_held == 1 and ", ""),
        Mutant(
            "dead taker",
            _STEAL,
            "if redis.call('SISMEMBER', KEYS[1], ARGV[1]) == 0 then",
            "if false then",
        ),
        Mutant(
            "holder of a taken job",
            _STEAL,
            "    redis.call('HSET', record, 'instance', ARGV[1])",
            "    local _ = 0",
        ),
        Mutant(
            "half of a queue",
            _STEALING,
            "max(1, (len(waiting) + running) // 2)",
            "len(waiting) + running",
        ),
        Mutant(
            "tasks of this process",
            _STEALING,
            "self._executor_of.get(job.task) == executor.name and ",
            "",
        ),
        Mutant("people who have jobs here", _STEALING, "job.owner_id not in people", "True"),
        Mutant("tasks that wait here", _STEALING, "besides=limited", "besides=()"),
        Mutant("only job of a person", _STEALING, ", leave_one=True", ""),
        Mutant(
            "taken jobs are forgotten",
            _STEALING,
            "self._worker.drop(waiting - ours)",
            "pass",
        ),
        Mutant("brief jobs stay", "flask_api/jobs/records/beats.py", " - load.brief", ""),
        Mutant("few of an unknown task", _STEALING, "return left[job.task] >= 0", "return True"),
    ),
    *of(
        ("tests/unit/jobs/test_jobs_neighbours.py",),
        Mutant("looks a second apart", _NEIGHBOURS, " or now < self._next_look_at", ""),
        Mutant("seen here before", _NEIGHBOURS, "(known & here.keys())", "here.keys()"),
        Mutant(
            "who looks is beside Redis", _NEIGHBOURS, "if self.is_beside_redis else", "if True else"
        ),
        Mutant("who is looked for is, too", _NEIGHBOURS, " and beat.is_beside_redis", ""),
        Mutant("gone for a while", _NEIGHBOURS, "now - since >= _GONE_S", "True"),
        Mutant("this machine's processes", _NEIGHBOURS, "mark.place == self.mark.place and ", ""),
        Mutant("two of one mark", _NEIGHBOURS, " and times[mark] == 1", ""),
        Mutant("restored elsewhere", _NEIGHBOURS, "if not is_there(self.mark):", "if False:"),
        Mutant("what was seen elsewhere", _NEIGHBOURS, "self._seen.clear()", "pass"),
        Mutant("its number is another's", _NEIGHBOURS, " and begun == mark.begun", ""),
        Mutant("ended and not waited for", _NEIGHBOURS, "state not in _ENDED and ", ""),
    ),
    *of(
        ("tests/integration/engine/sharing/test_engine_neighbours.py",),
        Mutant(
            "ended before anybody looked",
            "flask_api/jobs/membership.py",
            "= self._store.is_beside_redis()",
            "= False",
        ),
        Mutant(
            "ended by the kernel",
            "flask_api/jobs/workers/child.py",
            'if hasattr(fcntl, "F_SETSIG"):',
            "if False:",
        ),
        Mutant(
            "adopted at once",
            "flask_api/jobs/membership.py",
            " or other in gone:",
            ":",
        ),
    ),
    *of(
        ("tests/integration/engine/test_engine_begin.py",),
        Mutant(
            "slots wake by the beat",
            "flask_api/jobs/membership.py",
            "                executor.let_go(task)\n            executor.wake()",
            "                executor.let_go(task)",
        ),
    ),
    *of(
        ("tests/unit/jobs/sharing/test_jobs_lanes.py",),
        Mutant(
            "several lost jobs of a batch",
            "flask_api/jobs/workers/lanes.py",
            "move_to_end(batch, last=not lane.lost)",
            "move_to_end(batch)",
        ),
        Mutant(
            "lost jobs of several batches of a task",
            "flask_api/jobs/workers/lanes.py",
            "move_to_end(task, last=not next(iter(batches.values())).lost)",
            "move_to_end(task)",
        ),
        Mutant(
            "lost jobs before retries of their batch",
            "flask_api/jobs/workers/lanes.py",
            "(lane.lost if queued.was_lost else lane.others).appendleft",
            "lane.others.appendleft",
        ),
        Mutant(
            "retries that are not lost",
            "flask_api/jobs/records/job.py",
            'isinstance(error, Mapping) and error.get("type") == WORKER_LOST',
            "error is not None",
        ),
    ),
    *of(
        ("tests/unit/jobs/sharing/test_jobs_brief_slots.py",),
        Mutant(
            "slots for many brief jobs",
            "flask_api/jobs/workers/slots.py",
            " and len(self.queue) < self.chunk_of(queued_jobs[0].task)",
            "",
        ),
        Mutant(
            "brief jobs that are stuck",
            "flask_api/jobs/workers/slots.py",
            "if time.monotonic() - self._brief_at > _STUCK_S:",
            "if False:",
        ),
        Mutant(
            "company for brief jobs",
            "flask_api/jobs/workers/slots.py",
            "if is_brief and 0 < len(self.queue) < _ENOUGH:",
            "if False:",
        ),
        Mutant(
            "no wait of a lone brief job",
            "flask_api/jobs/workers/slots.py",
            "if is_brief and 0 < len(self.queue) < _ENOUGH:",
            "if is_brief:",
        ),
        Mutant(
            "slots for what a brief one leaves",
            "flask_api/jobs/workers/slots.py",
            "        if was_brief:\n            self.wake()\n",
            "",
        ),
    ),
    *of(
        ("tests/integration/engine/sharing/test_engine_limits.py",),
        Mutant("places of a task", _TURN, "if places > 0 then", "if true then"),
        Mutant(
            "turns of processes",
            _TURN,
            " - redis.call('ZCOUNT', KEYS[17], moment - GONE_S, until_then)",
            "",
        ),
        Mutant("turns of the dead", _TURN, "moment - GONE_S, until_then", "'-inf', until_then"),
        Mutant(
            "places of what ended", _TURN, "    redis.call('SREM', KEYS[15], unpack(left))\n", ""
        ),
        Mutant(
            "places of what runs",
            "flask_api/jobs/records/lua/free_places.lua",
            "if redis.call('HGET', KEYS[number + 1], 'status') ~= 'running' then",
            "if true then",
        ),
        Mutant(
            "begun by the script that counts",
            "flask_api/jobs/workers/worker.py",
            "queued.task in self._limits or ",
            "",
        ),
    ),
    *of(
        ("tests/unit/jobs/remote/test_jobs_futures.py",),
        Mutant("a full pool is kept", _POOLS, "return not kept.open and", "return"),
        Mutant(
            "no pool once closed",
            _POOLS,
            "while not self.is_closed and not is_needless():",
            "while not is_needless():",
        ),
        Mutant(
            "what waited in a pool", _FUTURES, "and not self._pools.is_current(kept)", "and False"
        ),
        Mutant(
            "a future of a pool that goes on",
            _FUTURES,
            "and not self._pools.is_current(kept)",
            "",
        ),
    ),
    *of(
        ("tests/unit/jobs/remote/test_jobs_kept_pools.py",),
        Mutant(
            "pause before another pool",
            _POOLS,
            " or time.monotonic() < self._not_before:",
            ":",
        ),
        Mutant(
            "a pool that came late",
            _POOLS,
            "                needless.append(kept)",
            "                pass",
        ),
        Mutant("a pool with something of ours", _POOLS, "if not each.users]", "if True]"),
    ),
    *of(
        ("tests/unit/jobs/sharing/test_jobs_thread_durations.py",),
        Mutant(
            "a thread that waited",
            _THREADS,
            "taken_s = min(taken_s, known_s * _MOST_GROWTH)",
            "pass",
        ),
        Mutant("long jobs are no noise", _THREADS, "if taken_s < _NOISE_S:", "if True:"),
        Mutant("brief for a while", _THREADS, "self._clock() - known_at > _KNOWN_S", "False"),
    ),
    *of(
        ("tests/integration/engine/sharing/test_engine_stealing_pieces.py",),
        Mutant(
            "what runs uses up nothing",
            _STEALING,
            "for job, waits in fitting if waits and is_wanted(job)]",
            "for job, waits in fitting if is_wanted(job)]",
        ),
        Mutant(
            "pieces without what is wanted",
            _STEALING,
            "elif are_all or fruitless >= _MOST_FRUITLESS:",
            "else:",
        ),
        Mutant("not all pieces", _STEALING, "are_all or fruitless >= _MOST_FRUITLESS", "are_all"),
    ),
    *of(
        ("tests/integration/engine/remote/test_celery_entries.py",),
        Mutant(
            "entries that wait are few",
            "flask_api/jobs/workers/remote/celery_worker.py",
            "if threads.waiting >= _WAITING_PER_SLOT * worker.name.slots:",
            "if False:",
        ),
    ),
)
