"""``share`` and ``shares``: a job is shown to others, and no more."""

import json

from tests.cli.command import Home


def test_job_is_shared_listed_and_ended(home: Home) -> None:
    """The address is all that stdout holds; the list has no address."""
    job = home.run("submit", "primes.sum", "limit=10", "--wait", "--json")
    job_id = json.loads(job.out)["id"]
    named = home.run("share", job_id, "--with", "bob", "--with", "carl", "--days", "0.5")
    assert "/shared/" in named.out
    assert named.err.startswith("For bob, carl, until ")
    assert len(named.out.splitlines()) == 1
    linked = home.run("share", job_id, "--show", "files", "--json")
    assert linked.err.startswith("For all who are logged in and have it, until ")
    by_link = json.loads(linked.out)
    assert (by_link["audience"], by_link["shows"]) == ("link", ["files"])
    listed = [json.loads(line) for line in home.run("shares", "--json").out.splitlines()]
    shared = {each["id"]: each["people"] for each in listed if each["job"] == job_id}
    assert shared.pop(by_link["id"]) == []
    assert list(shared.values()) == [["bob", "carl"]]
    assert "bob, carl" in home.run("shares").out
    assert by_link["token"] not in home.run("shares", "--json").out
    assert home.run("shares", "--end", by_link["id"], "--end", *shared).code == 0
    assert job_id not in home.run("shares").out
    assert home.run("shares", "--end", by_link["id"]).code == 1


def test_two_audiences_are_a_usage_error(home: Home) -> None:
    """Nothing is asked of the service then, nor for a life that is none."""
    job_id = "00000000-0000-7000-8000-000000000000"
    for words in (("--with", "bob", "--group", "staff"), ("--days", "0"), ("--show", "all")):
        assert home.run("share", job_id, *words).code == 2
