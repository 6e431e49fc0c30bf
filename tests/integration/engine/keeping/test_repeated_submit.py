"""A submit that is repeated is its job, though what it needed is gone by now."""

from flask_api.jobs.records.acceptance import IdempotencyKey
from tests.integration.engine.engine_bench import EngineBench, give, make_due

KEYS = [IdempotencyKey(key=f"key {number}", body_digest=f"{number}" * 64) for number in range(3)]


def test_repeated_submit_is_known_without_its_file(bench: EngineBench) -> None:
    """One job, and a batch: the file that they read was forgotten when they had ended."""
    engine = bench.start()
    arguments = {"file": give(engine, bench.owner).id}
    job_id = bench.submit(engine, "inputs.read", arguments, idempotency=KEYS[0])
    bench.outcome(engine, job_id)
    make_due(bench, arguments["file"])
    assert bench.submit(engine, "inputs.read", arguments, idempotency=KEYS[0]) == job_id

    def submit_batch(task: str, given: dict[str, str]) -> str:
        batch = engine.submit_batch(task, [given], owner=bench.owner, idempotency=KEYS[1])
        return batch.id

    assert submit_batch("sample.echo", {}) == submit_batch("inputs.read", arguments)


def test_repeated_submit_is_known_while_the_queue_is_full(bench: EngineBench) -> None:
    """Its job waits in it: there is no room for another, and none is needed."""
    engine = bench.start(job_threads=1, job_queue_limit=2)
    bench.submit(engine, "sample.hold", {"path": bench.path()})
    held = {"path": bench.path()}
    job_id = bench.submit(engine, "sample.hold", held, idempotency=KEYS[2])
    assert bench.submit(engine, "sample.hold", held, idempotency=KEYS[2]) == job_id
    bench.go()
