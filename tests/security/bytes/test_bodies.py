"""What the worst body costs before it is refused:
processor time and memory, measured in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from deploy.redis.valkey import EmbeddedValkey
from tests.security.bytes.body_costs import MB, OF_A_BATCH, OF_A_JOB

CPU_S = 0.3
MEMORY = 100 * MB


def test_worst_bodies_are_refused_soon_and_in_little_memory(valkey: EmbeddedValkey) -> None:
    """As large as may be sent, each is a client's error after 0.3 s of processor time and 100 MB at
    most."""
    costs = measured(valkey.url("django"))
    assert {(cost["path"], cost["shape"]) for cost in costs} == {
        *(("/batches", shape) for shape in OF_A_BATCH),
        *(("/jobs", shape) for shape in OF_A_JOB),
    }
    assert not [cost for cost in costs if not is_cheap(cost)]


def is_cheap(cost: Mapping[str, Any]) -> bool:
    """Tell whether a body was refused within the bounds, and by a short answer."""
    is_refused = cost["status"] in (400, 413, 422)
    return (
        is_refused
        and cost["cpu_s"] < CPU_S
        and cost["memory"] < MEMORY
        and cost["answer"] < 100_000
    )


def measured(writer_url: str) -> list[dict[str, Any]]:
    """Return what each body cost."""
    command = [sys.executable, "-m", "tests.security.bytes.body_costs", writer_url]
    done = subprocess.run(
        command, env=dict(os.environ), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
