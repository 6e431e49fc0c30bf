"""github.languages goes on where it stopped, whatever stopped it:
the server that is asked counts what it is asked for."""

import json
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import pytest

from flask_api.jobs.engine import JobEngine
from flask_api.jobs.records.job import Job, JobStatus
from tests.integration.engine.engine_bench import RESCUE_S, EngineBench
from tests.integration.tasks.github_server import GithubServer, running_github
from tests.waiting import wait_until

NAMES = [f"octo/r{number}" for number in range(6)]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[GithubServer]:
    """A server with six repositories on three pages,
    which engines in processes of their own may ask, too."""
    monkeypatch.setenv("GATEHOUSE_WEB_ALLOWED_NETWORKS", "127.0.0.0/8")
    with running_github() as running:
        running.page_size = 2
        running.repositories = {name: {"Python": 100, f"Own {name[-1]}": 1} for name in NAMES}
        yield running


def start(bench: EngineBench) -> JobEngine:
    """Start an engine whose tasks may ask the server."""
    return bench.start(web_allowed_networks=(ip_network("127.0.0.0/8"),))


def arguments(server: GithubServer, **more: Any) -> dict[str, Any]:
    """Return the arguments of a job on the server."""
    return {"owner": "octo", "base_url": server.base_url, **more}


def check_all_is_there(engine: JobEngine, job: Job) -> None:
    """Check that totals, lines and chart are as if nothing had happened."""
    assert job.status is JobStatus.SUCCEEDED, job
    assert (job.result["done"], job.result["bytes"], job.result["is_complete"]) == (6, 606, True)
    assert job.result["languages"][0] == {"language": "Python", "bytes": 600, "share": 0.990099}
    assert [file["name"] for file in job.files] == ["languages.jsonl", "languages.svg"]
    with engine.open_file(job, "languages.jsonl") as stream:
        assert [json.loads(line)["repository"] for line in stream] == NAMES


def test_killed_server_is_asked_again_only_for_what_was_left(
    bench: EngineBench, server: GithubServer
) -> None:
    """kill -9 while the fourth repository is asked for:
    the next attempt begins with it, and with no page."""
    server.hold_at = NAMES[3]
    child = bench.start_process()
    (job_id,) = child.submit("sample.languages", [arguments(server)], owner=bench.owner)
    assert server.held.wait(20)
    assert (server.asked_for("repos"), server.asked_for()) == (["1", "2", "3"], NAMES[:4])
    child.kill()
    server.hold_at = ""
    server.go.set()
    server.requests.clear()
    engine = start(bench)
    job = bench.outcome(engine, job_id, timeout_s=2 * RESCUE_S)
    assert (server.asked_for("repos"), server.asked_for(), job.attempt) == ([], NAMES[3:], 2)
    check_all_is_there(engine, job)


def test_stopped_server_hands_over_what_was_left(bench: EngineBench, server: GithubServer) -> None:
    """A graceful stop in the middle of a request:
    nothing that was done is asked for again, no attempt is spent."""
    server.hold_at = NAMES[2]
    first = start(bench)
    job_id = bench.submit(first, "sample.languages", arguments(server))
    assert server.held.wait(10)
    assert bench.stop(first)
    server.hold_at = ""
    server.go.set()
    server.requests.clear()
    engine = start(bench)
    job = bench.outcome(engine, job_id)
    assert (server.asked_for("repos"), server.asked_for(), job.attempt) == ([], NAMES[2:], 1)
    check_all_is_there(engine, job)


@pytest.mark.parametrize("prefix", ["sample", "child"])
def test_rate_limit_ends_the_attempt_and_the_next_one_goes_on(
    bench: EngineBench, server: GithubServer, prefix: str
) -> None:
    """The slot is free meanwhile, the record says why,
    and nothing is asked for twice but what was refused."""
    server.odd[NAMES[4]] = (429, b"", {"Retry-After": "3600"})
    engine = start(bench)
    job_id = bench.submit(engine, f"{prefix}.languages", arguments(server, max_wait_s=0))
    wait_until(lambda: NAMES[4] in server.asked_for(), timeout_s=20, what="the limit is met")
    server.odd.clear()
    job = bench.outcome(engine, job_id, timeout_s=20)
    assert {attempt["error"]["type"] for attempt in job.attempts} == {"RateLimited"}
    assert "3600 s" in job.attempts[0]["error"]["message"]
    assert server.asked_for()[:5] == NAMES[:5]
    assert server.asked_for()[-2:] == NAMES[4:]
    assert set(server.asked_for()[5:-1]) == {NAMES[4]}
    assert server.asked_for("repos") == ["1", "2", "3"]
    check_all_is_there(engine, job)
