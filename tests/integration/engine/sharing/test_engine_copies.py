"""A machine that was copied while it ran can't be told from its copy: who may be there is not
missed here, for its jobs would run twice."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from pydantic import SecretStr

from deploy.redis.valkey import EmbeddedValkey
from tests.integration.engine.engine_bench import EngineBench
from tests.integration.redis.fault_proxy import fault_proxy
from tests.waiting import wait_until

LOOKS_S = 4  # a second apart; the third would tell


@pytest.fixture
def far_url(engine_valkey: EmbeddedValkey, tmp_path: Path) -> Iterator[str]:
    """A URL of a Unix socket that any machine may have: what listens there passes it on."""
    file, url = tmp_path / "far.sock", engine_valkey.url("api")
    with fault_proxy(engine_valkey.socket, socket_file=file):
        yield url.replace(quote(str(engine_valkey.socket)), quote(str(file)))


@pytest.mark.parametrize("far", ["who looks", "who was killed", "both"])
def test_predecessor_is_waited_for_where_a_copy_may_reach_redis(
    far_url: str, bench: EngineBench, monkeypatch: pytest.MonkeyPatch, far: str
) -> None:
    """Through a socket that ssh or socat made. Where only one of the two is beside Redis itself,
    the other may be on the copy."""
    monkeypatch.setattr("flask_api.jobs.membership.SUSPECT_S", 600.0)
    near_url = bench.valkey.url("api")
    child = bench.start_process(
        GATEHOUSE_JOB_HEARTBEAT_S="60",
        GATEHOUSE_API_REDIS_URL=near_url if far == "who looks" else far_url,
    )
    child.submit("sample.hold", [{"path": bench.path()}], owner=bench.owner)
    wait_until(bench.runs, timeout_s=30, what="it runs")
    child.kill()
    url = near_url if far == "who was killed" else far_url
    other = bench.start(api_redis_url=SecretStr(url))
    neighbours = other._membership._neighbours
    begun = neighbours._next_look_at
    wait_until(lambda: neighbours._next_look_at > begun + LOOKS_S, timeout_s=30)
    assert len(bench.runs()) == 1
    assert bench.stop(other)
