"""Pictures of a job that still runs: its page is brought up to date around them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.pages.trouble.answers import Answers

TWICE = """
const image = document.querySelector("[data-picture='late.png'] img");
image.dispatchEvent(new Event("error"));
image.dispatchEvent(new Event("error"));
"""
IS_SETTLED = """
const image = document.querySelector("[data-picture='late.png'] img");
return image.complete && image.naturalWidth > 0 && asked.some((each) => each.startsWith("HEAD")) === arguments[0];
"""


class Album:
    """A job with pictures, of which one more comes when a test wants it."""

    def __init__(self, answers: Answers, folder: Path) -> None:
        self.answers, self.person = answers, answers.person
        self._more, self._end = folder / "more", folder / "end"
        arguments = {"first": str(self._more), "second": str(self._end)}
        body = {"task": "results.album", "arguments": arguments}
        http = self.person.session.http
        job = http.post("/api/jobs", json=body).json()["id"]
        self.person.until(lambda: len(http.get(f"/api/jobs/{job}").json()["files"]) == 2, "it runs")
        self.person.go(f"/jobs/{job}/")
        self.wait_seen_to_be_none()

    def add(self) -> None:
        """Have the job keep one more; wait until the page has it."""
        self._more.touch()
        self.person.until(lambda: self.person.count(".pictures img") == 3, "one more is shown")

    def wait_seen_to_be_none(self) -> None:
        """Wait until what is no picture is shown as a name only, and nothing else is."""
        broken = "[data-picture='fake.png'] img.broken"
        self.person.until(lambda: self.person.count(broken) == 1, "it is seen to be none")
        assert self.person.count("img.broken") == 1

    def end(self) -> None:
        """Let the job end."""
        self._more.touch()
        self._end.touch()


@pytest.fixture
def album(answers: Answers, tmp_path: Path) -> Iterator[Album]:
    """The page of a job that has kept what is no picture, and one that is."""
    found = Album(answers, tmp_path)
    yield found
    found.end()


def test_what_is_no_picture_stays_a_name_while_others_come(album: Album) -> None:
    """What a script noted at it is not in the page that the server writes."""
    album.add()
    assert album.person.count("img.broken") == 1


def test_error_that_is_told_twice_is_one(album: Album) -> None:
    """By the browser, and by the page's first look at what came before its scripts: a picture that
    is there by now was none for ever."""
    album.answers.run(TWICE)
    album.person.until(lambda: album.answers.run(IS_SETTLED, True), "it is fetched again")
    album.wait_seen_to_be_none()
