"""A batch far down the list is as live as a job there."""

from pathlib import Path

from tests.browser.pages.listing.long_list import LongList, make

# More than the first page.
NEWER = 30


def test_batch_among_older_jobs_shows_its_end(long_list: LongList, tmp_path: Path) -> None:
    """Its jobs have no rows of their own, and the list's first page has not the batch's."""
    person, there = long_list.person, tmp_path / "there"
    batch = _batch_among_older_jobs(long_list, there)
    there.touch()
    person.until(lambda: person.text(f"#row-{batch} .state") == "Succeeded", "it has ended")
    assert person.session.http.delete(f"/api/batches/{batch}").status_code == 204


def test_row_among_older_jobs_that_could_not_be_had_is_asked_for_again(
    long_list: LongList, tmp_path: Path
) -> None:
    """Nothing else happens that would have it asked for."""
    person, there = long_list.person, tmp_path / "there"
    batch = _batch_among_older_jobs(long_list, there)
    long_list.run("window.refusal = 503; asked.length = 0")
    there.touch()
    older = "return asked.some((each) => each.address.includes('larger=1'))"
    person.until(lambda: long_list.run(older), "it was asked for")
    long_list.run("window.refusal = null")
    person.until(lambda: person.text(f"#row-{batch} .state") == "Succeeded", "it has ended")
    assert person.session.http.delete(f"/api/batches/{batch}").status_code == 204


def test_batch_among_older_jobs_that_is_deleted_goes(long_list: LongList, tmp_path: Path) -> None:
    """Wherever it was deleted."""
    person, there = long_list.person, tmp_path / "there"
    there.touch()
    batch = _batch_among_older_jobs(long_list, there)
    assert person.session.http.delete(f"/api/batches/{batch}").status_code == 204
    person.until(lambda: person.count(f"#row-{batch}") == 0, "its row is gone")


def _batch_among_older_jobs(long_list: LongList, there: Path) -> str:
    """Open a list that has a batch below its first page, as it waits for a file; return its id."""
    person = long_list.person
    body = {"task": "forms.wait", "arguments": [{"path": str(there)}]}
    batch = str(person.session.http.post("/api/batches", json=body).json()["id"])
    for job in make(person, NEWER):  # or the end of one has the page of older ones asked for
        ended = person.session.http.get(f"/api/jobs/{job}", params={"wait": "10"}).json()
        assert ended["status"] == "succeeded"
    long_list.open()
    long_list.run("scrollTo(0, document.body.scrollHeight)")
    row = f"#older #row-{batch}"
    person.until(lambda: person.count(row) == 1, "it is shown")
    state = "Succeeded" if there.exists() else "Running"
    person.until(lambda: person.text(f"{row} .state") == state, "it is so far")
    return batch
