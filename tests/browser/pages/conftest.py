"""A browser whose person is logged in, at any page; what its console complains of fails the test."""

from collections.abc import Callable, Iterator

import pytest
from selenium.webdriver import Chrome

from tests.browser.pages.person import Person
from tests.e2e.service import Browser, ServiceProcess


@pytest.fixture
def person(
    service: ServiceProcess, logged_in: Browser, open_browser: Callable[..., Chrome]
) -> Iterator[Callable[..., Person]]:
    """A function that opens a browser as the service's person."""
    opened: list[Person] = []

    def open_one(*, width: int = 1280, with_scripts: bool = True) -> Person:
        person = Person(open_browser(width=width), service.address, logged_in)
        if not with_scripts:
            person.turn_scripts_off()
        opened.append(person)
        return person

    yield open_one
    for person in opened:
        assert person.complaints() == []
