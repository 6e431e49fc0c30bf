"""What the worst form of a stranger costs: the service takes bodies of 16 MB,
and no form of the site needs one."""

import time
from collections.abc import Callable

import pytest

CPU_S = 0.3
SIZE = 16 * (1 << 20) - 1
FIELDS = 990  # Django reads a thousand
URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=b"
PART = b'--b\r\nContent-Disposition: form-data; name="%d"\r\n\r\na\r\n'


def escapes(size: int) -> bytes:
    """One value that is all escapes."""
    return b"login=" + b"%41" * (size // 3 - 4)


def bad_escapes(size: int) -> bytes:
    """As many fields as are read, of escapes that are none."""
    return b"&".join(
        b"%d=%b" % (number, b"%zz" * (size // FIELDS // 3 - 3)) for number in range(FIELDS)
    )


# Of a form, and of the largest that is read.
SHAPES: dict[str, tuple[str, Callable[[int], bytes], bool]] = {
    "escapes": (URLENCODED, escapes, False),
    "escapes, as many as are read": (URLENCODED, escapes, True),
    "bad escapes, as many as are read": (URLENCODED, bad_escapes, True),
    "names": (URLENCODED, lambda size: b"a&" * (size // 2), False),
    "parts": (
        MULTIPART,
        lambda size: b"".join(PART % number for number in range(size // 60)),
        False,
    ),
    "boundaries": (MULTIPART, lambda size: b"--b\r\n" * (size // 5), False),
    "headers of a part": (MULTIPART, lambda size: b"--b\r\n" + b"X: a\r\n" * (size // 6), False),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_worst_form_of_a_stranger_costs_little(site: None, shape: str) -> None:
    """Sent with the cookie that lets Django look for the form's token:
    without one it is not read at all."""
    from django.conf import settings
    from django.test import Client

    kind, make, is_read = SHAPES[shape]
    body = make(settings.DATA_UPLOAD_MAX_MEMORY_SIZE if is_read else SIZE)
    browser = Client(enforce_csrf_checks=True, SERVER_NAME="localhost")
    browser.get("/accounts/login/")
    begun = time.process_time()
    answer = browser.generic("POST", "/accounts/login/", body, content_type=kind)
    cost_s = time.process_time() - begun
    assert answer.status_code == (403 if is_read else 400)
    assert cost_s < CPU_S
