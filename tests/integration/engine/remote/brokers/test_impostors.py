"""Who stands before Redis with another certificate is told no password, by no side."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from pydantic import SecretStr

from flask_api.jobs.records.job import JobStatus
from shared.errors import JobStoreUnavailable
from shared.redis.cluster import with_entry
from shared.redis.trial import find_obstacle
from tests.integration.engine.engine_bench import EngineBench
from tests.integration.engine.remote.brokers.tls_proxy import TlsProxy, context_of, tls_proxy
from tests.integration.engine.remote.conftest import StartWorker
from tests.integration.engine.worker_process import REMOTE, wait_for_workers
from tests.integration.tasks.test_web_tls import self_signed
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def impostors(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Certificates that are no good: of another authority; for another name; and what a client
    trusts, with the one that is good."""
    folders = {
        each: tmp_path_factory.mktemp(each) for each in ("own", "foreign", "misnamed", "trusted")
    }
    own = self_signed(folders["own"], "localhost")
    misnamed = self_signed(folders["misnamed"], "elsewhere.test")
    trusted = folders["trusted"] / "both.pem"
    trusted.write_bytes(own.read_bytes() + misnamed.read_bytes())
    foreign = self_signed(folders["foreign"], "localhost")
    return {"own": trusted, "foreign": foreign, "misnamed": misnamed}


@pytest.fixture
def proxy(bench: EngineBench, impostors: dict[str, Path]) -> Iterator[TlsProxy]:
    """The bench's Valkey over TLS."""
    with tls_proxy(bench.valkey.socket, impostors["own"]) as proxy:
        yield proxy


@pytest.mark.parametrize("who", ["foreign", "misnamed"])
@pytest.mark.parametrize("carrier", ["celery", "rq"])
def test_impostor_hears_nothing_while_a_worker_and_a_server_run(
    bench: EngineBench,
    start_worker: StartWorker,
    proxy: TlsProxy,
    impostors: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    carrier: str,
    who: str,
) -> None:
    """The URL has no option, so the system's authorities decide. Both sides come back when Redis
    does, and run the next job."""
    monkeypatch.setenv("SSL_CERT_FILE", str(impostors["own"]))  # OpenSSL's: the system's
    url = proxy.tls_url(bench.valkey.url("worker"))
    settings = {"GATEHOUSE_JOBS_REDIS_URL": url}
    worker = start_worker("--slots", "1", "--carrier", carrier, settings=settings)
    wait_for_workers(bench.admin, 1)
    own = SecretStr(proxy.tls_url(bench.valkey.url("api")))
    engine = bench.start(executors={"processes": carrier}, jobs_redis_url=own, **REMOTE)
    assert bench.run(engine, "child.echo").status is JobStatus.SUCCEEDED
    proxy.impostor = context_of(impostors[who])
    proxy.cut()
    worker.wait_for_line("its certificate is refused")
    before = proxy.refusals
    # Each of them has several connections, and tries again about once in a second.
    wait_until(
        lambda: proxy.heard or proxy.refusals > before + 12, timeout_s=30, what="all have tried"
    )
    assert proxy.heard == []
    proxy.impostor = None
    wait_for_workers(bench.admin, 1)
    accepted: list[str] = []

    def submit() -> bool:
        with suppress(JobStoreUnavailable):
            accepted.append(bench.submit(engine, "child.echo"))
        return bool(accepted)

    wait_until(submit, timeout_s=30, what="the server is back")
    assert bench.outcome(engine, accepted[0]).status is JobStatus.SUCCEEDED
    assert proxy.heard == []
    assert worker.is_running


@pytest.mark.parametrize("who", ["foreign", "misnamed"])
@pytest.mark.parametrize(
    ("scheme", "more"),
    [("rediss", ""), ("rediss+sentinel", "&sentinel_password=word"), ("rediss+cluster", "")],
)
def test_impostor_hears_nothing_of_who_looks_for_a_primary(
    bench: EngineBench,
    proxy: TlsProxy,
    impostors: dict[str, Path],
    scheme: str,
    more: str,
    who: str,
) -> None:
    """Sentinels and nodes of a Cluster are believed no sooner than a server that stands alone."""
    proxy.impostor = context_of(impostors[who])
    url = proxy.tls_url(bench.valkey.url("worker"), scheme=scheme)
    url = with_entry(f"{url}?ssl_ca_certs={impostors['own']}{more}", "{jobs}:entry")
    assert find_obstacle(url, timeout_s=1).startswith("its certificate is refused")
    wait_until(lambda: proxy.heard or proxy.refusals, timeout_s=10, what="a handshake has ended")
    assert proxy.heard == []


@pytest.mark.parametrize("carrier", ["celery", "rq"])
@pytest.mark.parametrize("who", ["foreign", "misnamed"])
def test_worker_that_finds_an_impostor_at_its_start_ends_with_one_line(
    bench: EngineBench,
    start_worker: StartWorker,
    proxy: TlsProxy,
    impostors: dict[str, Path],
    carrier: str,
    who: str,
) -> None:
    """No waiting makes that certificate good: exit code 2, and nothing was said to it."""
    proxy.impostor = context_of(impostors[who])
    url = f"{proxy.tls_url(bench.valkey.url('worker'))}?ssl_ca_certs={impostors['own']}"
    worker = start_worker("--carrier", carrier, settings={"GATEHOUSE_JOBS_REDIS_URL": url})
    assert worker.wait() == 2
    (line,) = worker.log.read_text().splitlines()
    assert line.startswith(
        f"gatehouse worker: GATEHOUSE_JOBS_REDIS_URL: the Redis at localhost:{proxy.port} can't be "
        "used, its certificate is refused: "
    )
    assert proxy.heard == []
