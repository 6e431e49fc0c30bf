"""Schema-driven fuzzing of every operation:
0 x 5xx, 0 undocumented answers, nothing open that should be closed.

NIGHTLY_EXAMPLES=... asks that many more; a failing run prints its seed, FUZZ_SEED repeats it.
"""

import os
import random
from typing import Any

import pytest
from flask import Flask

from flask_api.app import OPEN_ENDPOINTS
from flask_api.openapi.document import find_endpoints
from flask_api.testing import running_api
from shared.settings import ApiSettings
from tests.integration.api.fuzz.fuzz_bench import FUZZ_TASKS, Fuzzed, fuzz
from tests.integration.gate.gate_bench import ask, new_visitor

pytestmark = [
    pytest.mark.usefixtures("site"),
    pytest.mark.timeout(0 if "NIGHTLY_EXAMPLES" in os.environ else 120),
]

EXAMPLES = int(os.environ.get("NIGHTLY_EXAMPLES", "300")) // 30
# Quick waits, and places for streams that are free again soon.
LIMITS: dict[str, Any] = {"max_wait_s": 1, "max_streams": 32, "stream_heartbeat_s": 0.2}
SEED = int(os.environ.get("FUZZ_SEED", random.randrange(2**32)))


@pytest.mark.parametrize("phase", ["coverage", "fuzzing", "stateful"])
def test_fuzzed_api_does_what_its_document_says(api_settings: ApiSettings, phase: str) -> None:
    """Valid requests are taken, invalid ones refused, each with a documented answer;
    also in sequences that follow links."""
    with running_api(api_settings, task_modules=(FUZZ_TASKS,), **LIMITS) as app:
        found = fuzz(app, new_visitor().cookie, examples=EXAMPLES, seed=SEED, phases=(phase,))
    _check(found, least=50)
    if phase != "stateful":  # that one begins with what makes something
        assert len(found.asked) >= len(list(find_endpoints(app))) - 2


def test_without_a_credential_only_the_open_list_answers(api: Flask) -> None:
    """Every route of the application, described or not, by every method of its own."""
    for path in ("/api/nothing", "/api/", "/api/docs/", "/api/jobs/x/y/z"):
        assert ask(api, path).status_code == 401, path
    for rule in api.url_map.iter_rules():
        path = f"/api{rule.rule}".replace("<uuid:", "<").replace("<path:", "<")
        for name in rule.arguments:
            path = path.replace(f"<{name}>", "00000000-0000-7000-8000-000000000000")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            answer = ask(api, path, method=method)
            assert (answer.status_code == 401) == (rule.endpoint not in OPEN_ENDPOINTS), (
                f"{method} {path}: {answer.status_code}"
            )


def _check(found: Fuzzed, *, least: int) -> None:
    kinds = {failure.partition("\ncurl")[0]: failure for failure in found.failures}
    assert not kinds, f"FUZZ_SEED={SEED}\n" + "\n\n".join(list(kinds.values())[:10])
    assert not [status for status in found.statuses if status >= 500]
    assert found.asked.total() >= least
