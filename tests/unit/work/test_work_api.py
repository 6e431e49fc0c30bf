"""What pages ask of the API beside them."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import RequestFactory

from django_site.work import api
from shared.http.beside import API


class Beside:
    """An application that writes numbered lines and counts those it has made."""

    def __init__(self, status: str = "200 OK") -> None:
        self.made = 0
        self.is_closed = False
        self._status = status

    def __call__(self, environ: Any, start_response: Any) -> Iterator[bytes]:
        """Answer a request."""
        try:
            start_response(self._status, [])
            for number in range(1000):
                self.made += 1
                yield b"%d\n" % number
        finally:
            self.is_closed = True


def asked(beside: Beside) -> Any:
    """Return a page's request with this application at its side."""
    request = RequestFactory().get("/")
    request.META[API] = beside
    return request


def test_of_an_answer_of_lines_only_the_first_are_made() -> None:
    """A batch's results may be a megabyte each: what a page does not show is not made for it."""
    beside = Beside()
    assert list(api.first_lines(asked(beside), "/x", 3)) == [b"0", b"1", b"2"]
    assert (beside.made, beside.is_closed) == (3, True)


def test_refusal_is_raised_whole_and_its_answer_closed() -> None:
    """Whether it is read whole or in lines."""
    for read in (api.read, lambda request, path: list(api.first_lines(request, path, 3))):
        beside = Beside("503 Service Unavailable")
        with pytest.raises(api.ApiProblem) as refused:
            read(asked(beside), "/x")
        assert (refused.value.status, beside.is_closed) == (503, True)
