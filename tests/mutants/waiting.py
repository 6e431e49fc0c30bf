"""Guards of requests that wait: whose they are, how much is kept for them, when they end.
And of servers' names, for which everything waits."""

from tests.mutants.mutant import Mutant, of

_PARKING = "deploy/servers/parking.py"

WAITING_MUTANTS = (
    *of(
        ("tests/unit/shared/redis/test_shared_asking.py",),
        Mutant(
            "a server whose name nobody resolves, once",
            "shared/redis/asking.py",
            "if self._is_open(server):",
            "if False:",
        ),
    ),
    *of(
        ("tests/unit/flask_api/test_flask_wait.py",),
        Mutant(
            "a pause whose client left",
            "flask_api/http/wait.py",
            "        self._end_pause()\n        answer, self._answer",
            "        answer, self._answer",
        ),
    ),
    *of(
        ("tests/integration/api/events/test_api_events_ends.py",),
        Mutant(
            "a parked credential that changed",
            "flask_api/streams/rechecks.py",
            "if seen and seen.values == values and",
            "if seen and",
        ),
        Mutant(
            "a parked credential of somebody else",
            "flask_api/streams/access.py",
            "return self.person_id == self._owner_id or principal.is_staff",
            "return True",
        ),
    ),
    *of(
        ("tests/e2e/waiting/test_parked.py",),
        Mutant(
            "a long-poll whose credential ended",
            "flask_api/streams/news.py",
            "if self.access.verdict is Verdict.REFUSED:\n            self.due()",
            "if False:\n            self.due()",
        ),
    ),
    *of(
        ("tests/e2e/servers/test_parking.py",),
        Mutant(
            "room for a slow reader",
            _PARKING,
            "self.is_full = len(self._unsent) > ROOM_BYTES",
            "self.is_full = False  # nothing is",
        ),
        Mutant("a reader of nothing", _PARKING, "now - self._taken_at >= STALL_S", "False"),
        Mutant("a client that left", _PARKING, "events & ~select.EPOLLOUT", "False"),
    ),
    *of(
        ("tests/integration/redis/finding/test_resolving.py",),
        Mutant(
            "name that nobody resolves",
            "shared/redis/asking.py",
            "self._thread.join(timeout_s)",
            "self._thread.join()",
        ),
        Mutant(
            "one question for a name",
            "shared/redis/asking.py",
            "if question is None or not question.is_open:",
            "if True:",
        ),
    ),
    *of(
        ("tests/unit/shared/redis/test_shared_names.py",),
        Mutant(
            "answer that came late",
            "shared/redis/asking.py",
            "            if last is None:\n",
            "            if True:\n",
        ),
        Mutant(
            "addresses of long ago",
            "shared/redis/asking.py",
            "return question if self._now() < until_s else None",
            "return question",
        ),
    ),
)
