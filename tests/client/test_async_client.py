"""The client for asyncio does what the other does:
what they share is tested there, here that it is awaited rightly."""

import asyncio
import io
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path

import pytest

from gatehouse import AsyncClient, JobFailed, NotFound, WaitTimedOut
from tests.e2e.service import ServiceProcess

SOON_S = 15


def run(service: ServiceProcess, key: str, scene: Callable[[AsyncClient], Awaitable[None]]) -> None:
    """Run a scene with a client in a loop of its own."""

    async def main() -> None:
        async with AsyncClient(service.address, key, patience_s=5) as client:
            await scene(client)

    asyncio.run(main())


def test_many_jobs_are_awaited_at_once(service: ServiceProcess, key: str) -> None:
    """What asyncio is for."""

    async def scene(client: AsyncClient) -> None:
        jobs = await asyncio.gather(
            *(client.submit("client.square", number=number) for number in range(20))
        )
        assert await asyncio.gather(*(job.result(SOON_S) for job in jobs)) == [
            number * number for number in range(20)
        ]
        listed = [job.id async for job in client.jobs(task="client.square")]
        assert listed[:20] == sorted((job.id for job in jobs), reverse=True)

    run(service, key, scene)


def test_job_has_all_that_it_has_without_await(
    service: ServiceProcess, key: str, tmp_path: Path
) -> None:
    """Log, files, download, events, watch, cancel, errors."""

    async def scene(client: AsyncClient) -> None:
        job = await client.submit("sample.words", folder=str(tmp_path))
        told = [record async for record in job.watch()]
        assert told[-1].status == "succeeded"
        assert [one for one, next_ in pairwise(told) if one == next_] == [], "it had changed"
        assert (await job.log())[0]["message"] == "plain"
        assert len(await job.files()) == 3
        assert (await job.download("text.txt", tmp_path)).read_text() == "text é"
        assert [event.data["status"] async for event in job.events() if event.kind == "status"] == [
            "succeeded"
        ]
        held = await client.submit("sample.hold", path=str(tmp_path / "gate"))
        with pytest.raises(WaitTimedOut):
            await held.wait(0.2)
        await held.cancel()
        assert (await held.wait(SOON_S)).status == "cancelled"
        failed = await client.submit("sample.refuse", message="no")
        with pytest.raises(JobFailed, match="TaskError: no"):
            await failed.result(SOON_S)
        assert (await (await client.job(failed.id)).retry()).id == failed.id
        with pytest.raises(NotFound):
            await client.job("00000000-0000-7000-8000-000000000000")

    run(service, key, scene)


def test_batches_files_and_events_are_awaited(service: ServiceProcess, key: str) -> None:
    """The rest of the surface."""

    async def scene(client: AsyncClient) -> None:
        assert (await client.me()).username
        assert any(task.name == "client.join" for task in await client.tasks())
        events = client.events()
        assert (await anext(events)).kind == "ready"
        batch = await client.submit_batch(
            "client.square", [{"number": number} for number in range(30)]
        )
        results = [
            each.result() async for each in batch.results(order="submission", timeout_s=SOON_S)
        ]
        assert results == [number * number for number in range(30)]
        assert (await batch.refresh()).has_ended
        assert (await client.batch(batch.id)).counts["succeeded"] == 30
        assert (await anext(events)).data["batch"] == batch.id
        assert (await client.upload(io.BytesIO(b"three"), name="more.txt")).size == 5

    run(service, key, scene)
