"""What is kept, from a script and from the shell: shown, deleted, gone;
a quota is an error that waiting does not help."""

import asyncio

import pytest

from gatehouse import AsyncClient, Client, Conflict, NotFound, QuotaExceeded
from gatehouse.protocol.flows import delete
from gatehouse.protocol.requests import delete_job
from gatehouse.protocol.wire import ApiResponse, refusal

SOON_S = 15


def test_ended_job_and_batch_are_deleted(client: Client) -> None:
    """By their handles and by their ids; what has not ended is a Conflict;
    usage falls to what it was."""
    before = client.usage().kinds["bytes"][0]
    job, other = (client.submit("primes.sum", limit=10) for _ in range(2))
    batch = client.submit_batch("primes.sum", [{"limit": 10}] * 2)
    assert [each.result() for each in batch.results(timeout_s=SOON_S)] == [17, 17]
    assert (job.result(SOON_S), other.result(SOON_S)) == (17, 17)
    assert batch.id in [each.id for each in client.batches()]
    assert {job.id, other.id} <= {each.id for each in client.jobs(status="ended")}
    late = client.submit("primes.sum", {"limit": 10}, delay_s=3600)
    with pytest.raises(Conflict, match="cancel"):
        late.delete()
    late.cancel()
    for each in (job, late, batch):
        each.delete()
    client.delete(other.id)
    for gone in (lambda: client.job(job.id), lambda: client.batch(batch.id)):
        with pytest.raises(NotFound):
            gone()
    assert client.usage().kinds["bytes"][0] == before


def test_async_client_deletes_and_lists_as_the_other(client: Client) -> None:
    """The same, awaited."""

    async def run() -> None:
        async with AsyncClient(client.address, client.access.key) as other:
            job = await other.submit("primes.sum", limit=10)
            assert await job.result(SOON_S) == 17
            batch = await other.submit_batch("primes.sum", [{"limit": 10}])
            assert [each.result() async for each in batch.results(timeout_s=SOON_S)] == [17]
            assert batch.id in [each.id async for each in other.batches()]
            await other.delete(job.id)
            await batch.delete()
            with pytest.raises(NotFound):
                await other.delete_batch(batch.id)
            assert (await other.usage()).kinds["ended_jobs"][1] > 0

    asyncio.run(run())


def test_what_is_gone_when_it_is_asked_for_again_was_deleted() -> None:
    """After an answer that was lost, 404 means success; at the first try it is NotFound."""
    body = b'{"code": "job_not_found", "detail": "no"}'
    gone = ApiResponse(status=404, headers={"content-type": "application/problem+json"}, body=body)
    away = ApiResponse(
        status=503,
        headers={"content-type": "application/problem+json"},
        body=b'{"code": "x", "detail": "later"}',
    )
    flow = delete(delete_job("a"), patience_s=5)
    next(flow)
    flow.send(away)
    next(flow)
    with pytest.raises(StopIteration):
        flow.send(gone)
    flow = delete(delete_job("a"), patience_s=5)
    next(flow)
    with pytest.raises(NotFound):
        flow.send(gone)


@pytest.mark.parametrize("status", [429, 507])
def test_quota_is_told_with_its_numbers(status: int) -> None:
    """Of another service that tells no numbers, it is the same error without them."""
    headers = {"content-type": "application/problem+json"}
    told = (
        b'{"code": "quota_exceeded", "detail": "full", "quota": {"kind": "bytes", "used": 5, '
        b'"limit": 4}}'
    )
    error = refusal(ApiResponse(status=status, headers=headers, body=told))
    assert isinstance(error, QuotaExceeded)
    assert (error.kind, error.used, error.limit) == ("bytes", 5, 4)
    bare = refusal(
        ApiResponse(status=status, headers=headers, body=b'{"code": "quota_exceeded", "quota": 7}')
    )
    assert isinstance(bare, QuotaExceeded)
    assert bare.used == 0
