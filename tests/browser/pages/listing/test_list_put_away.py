"""What is far from what is seen is put away, whatever comes late."""

from tests.browser.pages.listing.long_list import MANY, LongList, make

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
