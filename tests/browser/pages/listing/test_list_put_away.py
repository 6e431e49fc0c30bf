"""What is far from what is seen is put away, whatever comes late; what fails is asked for again
only while somebody sees where it belongs, and may see it."""

import pytest

from tests.browser.pages.listing.long_list import BACKGROUND, MANY, LongList, make
from tests.e2e.service import PATIENT, ServiceProcess

SETTLED = "return frames(20)"


def test_page_that_comes_when_it_was_scrolled_away_gets_no_rows(long_list: LongList) -> None:
    """Nothing would take them away again until somebody scrolls there and back."""
    jobs = make(long_list.person, MANY)
    long_list.open()
    long_list.scroll_to_end(jobs[0])
    before = long_list.run("window.far = away(); hold(); return far.length")
    asked = long_list.run("scrollTo(0, 0); return asked.length")
    long_list.person.until(lambda: long_list.run("return asked.length") > asked, "it is asked for")
    long_list.run("scrollTo(0, document.body.scrollHeight)")
    long_list.run(SETTLED)
    long_list.run("release()")
    done = "return answered === asked.length"
    long_list.person.until(lambda: long_list.run(done), "all has come")
    long_list.run(SETTLED)
    assert long_list.run("return far.filter((part) => away().includes(part)).length") == before


def test_page_that_failed_is_asked_for_again_in_the_background_while_it_is_near(
    long_list: LongList,
) -> None:
    """Nobody may be sitting there: a question that goes by the clock keeps no session alive."""
    _fail(long_list, make(long_list.person, MANY)[0], status=503)
    # The list's own page is brought up to date besides, if there is news of a job.
    first = long_list.run("return asked.findLast((each) => each.address.includes('cursor='))")
    assert BACKGROUND not in first
    long_list.run("for (const act of later.splice(0)) act()")
    asked = f"return asked.filter((each) => each.address === '{first['address']}')"
    assert long_list.run(asked)[-1][BACKGROUND] == "1"
    long_list.person.until(lambda: long_list.run("return later.length"), "it goes on")
    long_list.run(SETTLED)
    long_list.run("window.above = later.splice(0); scrollTo(0, document.body.scrollHeight)")
    long_list.run(SETTLED)
    count = len(long_list.run(asked))
    long_list.run("for (const act of above) act(); return frames(3)")
    assert len(long_list.run(asked)) == count
    long_list.run("window.refusal = null; scrollTo(0, 0)")
    gone = "return away().some(isSeen)"
    long_list.person.until(lambda: not long_list.run(gone), "what is seen is back")


def test_older_jobs_that_failed_to_come_are_asked_for_again(long_list: LongList) -> None:
    """By whoever waits at the end, without a hand on the wheel, and in the background."""
    jobs = make(long_list.person, MANY)
    long_list.open()
    long_list.run("window.refusal = 503; scrollTo(0, document.body.scrollHeight)")
    long_list.person.until(lambda: long_list.run("return later.length"), "it is put off")
    long_list.run("window.refusal = null; later.shift()()")
    older = "return document.querySelectorAll('#older .job-row').length"
    long_list.person.until(lambda: long_list.run(older), "it came")
    assert BACKGROUND in long_list.run("return asked.at(-1)")
    assert jobs


@pytest.mark.parametrize("status", [403, 404])
def test_page_that_is_refused_is_not_asked_for_again(long_list: LongList, status: int) -> None:
    """It would be refused for as long as the page is open."""
    _fail(long_list, make(long_list.person, MANY)[0], status=status)
    assert long_list.run("return later.length") == 0


def test_page_is_not_asked_for_again_after_a_log_out(
    long_list: LongList, service: ServiceProcess
) -> None:
    """The page leads to the log-in, and leaves it at that."""
    jobs = make(long_list.person, MANY)
    session = service.new_browser()
    session.log_in(tries=PATIENT)
    cookie = {"name": "sessionid", "value": session.cookie}
    long_list.person.browser.add_cookie(cookie)
    long_list.open()
    long_list.scroll_to_end(jobs[0])
    session.log_out()
    _scroll_up(long_list)
    assert "You were logged out." in long_list.person.text("#trouble")
    assert long_list.run("return later.length") == 0


def _fail(long_list: LongList, oldest: str, *, status: int) -> None:
    """Have the pages that are put away asked for, and the questions answered by such a state."""
    long_list.open()
    long_list.scroll_to_end(oldest)
    long_list.run(f"window.refusal = {status}")
    _scroll_up(long_list)


def _scroll_up(long_list: LongList) -> None:
    asked = long_list.run("const before = asked.length; scrollTo(0, 0); return before")
    done = f"return asked.length > {asked} && answered === asked.length"
    long_list.person.until(lambda: long_list.run(done), "it was asked for")
    long_list.run(SETTLED)
