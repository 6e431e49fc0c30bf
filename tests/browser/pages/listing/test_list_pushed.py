"""The list stays whole and in order while jobs come and go: what new ones push off its first page,
what that page never had, and what it takes from older ones."""

from functools import partial

import pytest

from tests.browser.pages.listing.long_list import MANY, LongList, make

# More than what the browser keeps at the top: the first page, and those of 50 of which some is within
# 3,000 pixels below what is seen.
PUSHED = 180
MOST_ROWS = 150
FIRST_PAGE = 25
TOP = "scrollTo(0, 0)"


@pytest.mark.parametrize("place", [TOP, "scrollTo(0, document.body.scrollHeight)"])
def test_rows_that_new_jobs_push_off_are_put_away_and_come_back(
    long_list: LongList, place: str
) -> None:
    """Else the browser would keep every row that was submitted while the page was open, wherever it
    is scrolled to."""
    person = long_list.person
    older = _opened(long_list)
    long_list.run(place)
    pushed: list[str] = []
    while len(pushed) < PUSHED:
        pushed += make(person, 20)
        newest = f"#row-{pushed[-1]}"
        person.until(partial(person.count, newest), "the new ones are shown")
    person.until(lambda: len(long_list.rows()) < MOST_ROWS, "most are put away")
    assert _seen_below(long_list, older[-1]) == sorted([*pushed, older[-1]], reverse=True)


def test_more_new_jobs_than_a_page_between_two_updates_are_all_there(long_list: LongList) -> None:
    """A page that stood still for a while shows those that its first page never had, too; they are
    asked for in the background, and a tick stays."""
    person = long_list.person
    older = _opened(long_list)
    long_list.run(TOP)
    person.until(lambda: person.count(f"#row-{older[-3]}") == 1, "the first page is there")
    person.find(f"#row-{older[-3]} .tick").click()
    long_list.run("hold()")
    new = make(person, 2 * FIRST_PAGE + 60)
    long_list.run("release()")
    person.until(lambda: person.count(f"#row-{new[-1]}") == 1, "the newest are shown")
    seen = _seen_below(long_list, older[-5])
    assert seen == sorted([*new, *older[-5:]], reverse=True)
    assert person.find(f"#row-{older[-3]} .tick").is_selected()


def test_jobs_that_move_up_to_the_first_page_are_shown_once(long_list: LongList) -> None:
    """Where some of its jobs are deleted, it has the first ones of the next page."""
    person = long_list.person
    older = _opened(long_list)
    long_list.run(TOP)
    moved = older[-FIRST_PAGE - 1]
    person.until(lambda: person.count(f"#older #row-{moved}") == 1, "it is an older one")
    person.find(f"#row-{moved} .tick").click()
    for job in older[-5:]:
        assert person.session.http.delete(f"/api/jobs/{job}").status_code == 204
    person.until(lambda: person.count(f"#live-jobs #row-{moved}") == 1, "it has moved up")
    rows = long_list.rows()
    assert rows == sorted(set(rows), reverse=True)
    assert person.find(f"#live-jobs #row-{moved} .tick").is_selected()


def test_list_grows_when_another_view_was_chosen_while_older_ones_were_on_their_way(
    long_list: LongList,
) -> None:
    """What comes late belongs to the view before; the new one goes on by itself."""
    person = long_list.person
    make(person, 40, task="primes.sum")
    sums = make(person, 40, task="primes.sum")
    make(person, 30)
    long_list.open()
    long_list.run("hold(); scrollTo(0, document.body.scrollHeight)")
    more = "return asked.filter((each) => each.address.includes('larger=1')).length"
    person.until(lambda: long_list.run(more) == 1, "older ones are asked for")
    long_list.run("window.late = release; window.held = null")
    long_list.run(
        "const task = document.getElementById('task'); task.value = 'primes.sum';"
        "task.dispatchEvent(new Event('input', { bubbles: true }))"
    )
    person.until(lambda: person.browser.current_url.endswith("?task=primes.sum"), "it is chosen")
    long_list.run("scrollTo(0, document.body.scrollHeight)")
    long_list.run("late()")
    person.until(lambda: person.count(f"#older #row-{sums[0]}") == 1, "the view goes on")
    rows = long_list.rows()
    assert rows == sorted(set(rows), reverse=True)


def test_older_jobs_of_the_view_before_are_not_shown_below_another_one(
    long_list: LongList,
) -> None:
    """Whoever went back has its address at once: the list is renewed as that one while what was
    chosen is still asked for."""
    person = long_list.person
    make(person, FIRST_PAGE + 5)
    long_list.open()
    long_list.run(
        "const task = document.getElementById('task'); task.value = 'primes.check';"
        "task.dispatchEvent(new Event('input', { bubbles: true }))"
    )
    person.until(lambda: person.browser.current_url.endswith("=primes.check"), "it is chosen")
    long_list.run("scrollTo(0, document.body.scrollHeight)")
    person.until(lambda: person.count("#older .job-row") > 0, "it goes on")
    long_list.run("window.refusal = 503; history.back()")
    person.until(lambda: "not shown yet" in person.text("#unshown"), "it is not shown yet")
    long_list.run("window.refusal = null")
    [new] = make(person, 1)
    person.until(lambda: person.count(f"#row-{new}") == 1, "the list is live")
    assert person.count("#older [data-address*='task=primes.check']") == 0


def _opened(long_list: LongList) -> list[str]:
    """Open the list and scroll to the last of many jobs; return their ids, the oldest first."""
    jobs = make(long_list.person, MANY)
    long_list.open()
    long_list.scroll_to_end(jobs[0])
    return jobs


def _seen_below(long_list: LongList, last: str) -> list[str]:
    """Scroll down from the top until a job; return the ids of all that were shown on the way,
    the newest first. At each moment they stand in order, and none twice."""
    seen: set[str] = set()
    long_list.run(TOP)

    def is_reached() -> bool:
        # A page that has just come shows ten rows with each frame.
        rows = long_list.run(
            "return frames(8).then(() => !away().some(isSeen) &&"
            " [...document.querySelectorAll('.job-row')].map((row) => row.dataset.job))"
        )
        if not rows:
            return False
        assert rows == sorted(set(rows), reverse=True)
        seen.update(rows)
        place = f"const row = document.getElementById('row-{last}'); if (!row) return false;"
        if long_list.run(f"{place} return row.getBoundingClientRect().top < innerHeight"):
            return True
        long_list.run("scrollBy({ top: 2 * innerHeight, behavior: 'instant' })")
        return False

    long_list.person.until(is_reached, "it is shown")
    return sorted((each for each in seen if each >= last), reverse=True)
