"""A job is shared, looked at and shared no more, from a script."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from gatehouse import (
    AsyncClient,
    Client,
    ConfigurationError,
    InvalidRequest,
    JobFailed,
    NewShare,
    NotFound,
    WaitTimedOut,
)
from tests.client.conftest import SOON_S
from tests.e2e.service import ServiceProcess

TOKEN = "mWc0-_" + "a" * 37


@pytest.fixture
def viewer(service: ServiceProcess, keys: list[str]) -> Iterator[Client]:
    """A client that acts as somebody else."""
    with Client(service.address, keys[1], patience_s=5) as made:
        yield made


def test_job_is_shared_with_a_person_until_it_is_ended(client: Client, viewer: Client) -> None:
    """Who is named looks at the page's address or the token; nobody else, and never afterwards."""
    job = client.submit("primes.sum", limit=10)
    assert job.result(SOON_S) == 17
    share = job.share(people=[viewer.me().username], shows=["arguments"], expires_in_s=600)
    assert isinstance(share, NewShare)
    assert share.token not in repr(share)
    assert 0 < (share.expires_at - share.created_at).total_seconds() <= 600
    seen = viewer.shared(share.page)
    assert (seen.task, seen.status, seen.result()) == ("primes.sum", "succeeded", 17)
    assert seen.record.arguments == {"limit": 10}
    assert seen.record.withheld == ["files", "owner"]
    assert seen.record.owner is None
    assert viewer.shared(share.token).refresh() == seen.record
    assert viewer.me().username in job.onlookers()
    assert [each.id for each in job.shares()] == [share.id]
    assert share.id in [each.id for each in client.shares()]
    assert viewer.shares() == []
    with pytest.raises(NotFound):
        viewer.end_share(share.id)
    client.end_share(share.id)
    for look in (seen.refresh, lambda: viewer.shared(share.page)):
        with pytest.raises(NotFound, match="Nothing is shared"):
            look()
    with pytest.raises(NotFound):
        client.end_share(share.id)


def test_nobody_else_than_who_is_named_looks(client: Client, viewer: Client) -> None:
    """Nobody is named by an empty list, which is refused, and not read as everybody."""
    job = client.submit("primes.sum", limit=10)
    share = job.share(people=["nobody-of-this-name"])
    with pytest.raises(NotFound):
        viewer.shared(share.page)
    assert client.shared(share.page).record.raw["is_yours"]
    nobodies: tuple[Sequence[str], ...] = ([], job.task)
    for nobody in nobodies:
        with pytest.raises(InvalidRequest):
            job.share(people=nobody)
    with pytest.raises(InvalidRequest):
        job.share(group="")
    with pytest.raises(InvalidRequest):
        job.share(people=["bob"], group="staff")
    assert [each.id for each in job.shares()] == [share.id]
    client.end_share(share.id)


def test_running_job_is_followed_where_it_is_shared(
    client: Client, viewer: Client, gate: Path, tmp_path: Path
) -> None:
    """Its end is waited for, its events come, its log and its file are read."""
    job = client.submit("sample.hold", path=str(gate))
    seen = viewer.shared(job.share(shows=["files"]).page)
    with pytest.raises(WaitTimedOut):
        seen.wait(timeout_s=0.2)
    gate.touch()
    assert seen.wait(SOON_S).status == "succeeded"
    assert [event.kind for event in seen.events()][-1] == "status"
    assert seen.log() == job.log()
    with pytest.raises(NotFound):
        seen.download("none", tmp_path)


def test_nothing_but_a_shared_address_of_the_service_is_asked_for(client: Client) -> None:
    """A token is for the service that made it: what is no address of ours is refused here,
    and that it is not found there would be NotFound."""
    scheme, _, host = client.address.partition("://")
    for link in (
        f"https://other.example/shared/{TOKEN}/",
        f"other.example/shared/{TOKEN}/",
        f"//{host}/shared/{TOKEN}/",
        f"{scheme}://{host.rpartition(':')[0]}:1/shared/{TOKEN}/",
        f"{client.address}/api/shared/{TOKEN}/log",
        "http://[/shared/abc/",
        "../jobs",
    ):
        with pytest.raises(ConfigurationError) as caught:
            client.shared(link)
        assert TOKEN not in str(caught.value)
    with pytest.raises(NotFound):
        client.shared(f"{client.address}/api/shared/{TOKEN}")


def test_async_client_shares_as_the_other(client: Client, keys: list[str]) -> None:
    """The same, awaited; a failed job raises for who looks on, too."""

    async def run() -> None:
        async with (
            AsyncClient(client.address, client.access.key) as owner,
            AsyncClient(client.address, keys[1]) as other,
        ):
            job = await owner.submit("client.raise_value", message="no luck")
            share = await job.share()
            seen = await other.shared(share.page)
            with pytest.raises(JobFailed, match="no luck") as caught:
                await seen.result(SOON_S)
            assert job.id not in str(caught.value)
            assert share.id in [each.id for each in await owner.shares()]
            await owner.end_share(share.id)

    asyncio.run(run())
