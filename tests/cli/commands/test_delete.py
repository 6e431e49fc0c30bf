"""``delete`` and ``usage``: what is kept, and how it goes."""

import json

from tests.cli.command import Home


def test_named_and_ended_jobs_are_deleted(home: Home) -> None:
    """A job and a batch by their ids, then all that has ended; what has not is left alone."""
    job = home.run("submit", "primes.sum", "limit=10", "--wait", "--json")
    job_id = json.loads(job.out)["id"]
    late = home.run("submit", "primes.sum", "limit=10", "--delay", "3600").out.strip()
    assert home.run("delete", late).code == 1
    assert home.run("delete", job_id).code == 0
    assert home.run("result", job_id).code == 1
    assert home.run("submit", "primes.sum", "limit=10", "--wait").code == 0
    deleted = home.run("delete", "--ended", "--json").out.splitlines()
    assert len(deleted) >= 1
    usage = json.loads(home.run("usage", "--json").out)
    assert (usage["ended_jobs"]["used"], usage["unfinished_jobs"]["used"] >= 1) == (0, True)
    assert any(line.startswith("ended_jobs\t0\t") for line in home.run("usage").out.splitlines())
    home.run("cancel", late)


def test_delete_says_what_it_takes(home: Home) -> None:
    """IDs or --ended: neither and both are usage errors, and so is what is no id."""
    assert [home.run("delete", *words).code for words in ((), ("--ended", "0" * 32), ("x",))] == [
        2,
        2,
        2,
    ]
