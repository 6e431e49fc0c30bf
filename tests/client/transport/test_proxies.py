"""Which proxy leads to the service: every kind of entry that people have in NO_PROXY,
and proxies that can't be used."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse import ConfigurationError
from gatehouse.transport.proxies import proxy_for

PROXY = "http://proxy.test:3128"


@pytest.mark.parametrize(
    ("address", "entry", "is_direct"),
    [
        ("http://[::1]:8080", "[::1]", True),
        ("http://[::1]:8080", "::1", True),
        ("http://[::1]:8080", "[::1]:8080", True),
        ("http://[::1]:8080", "[::1]:80", False),
        ("http://[fd00::5]", "fd00::/8", True),
        ("http://[fd00::5]", "[fd00::]/8", True),
        ("http://[::ffff:10.1.2.3]", "10.0.0.0/8", True),
        ("http://10.1.2.3", "10.0.0.0/8", True),
        ("http://10.1.2.3", "10.9.9.9/8", True),
        ("http://11.1.2.3", "10.0.0.0/8", False),
        ("http://10.1.2.3", "10.1.2.3", True),
        ("http://jobs.a.test", "a.test", True),
        ("http://jobs.a.test", ".a.test", True),
        ("http://jobs.a.test", "*.a.test", True),
        ("http://a.test", "A.Test.", True),
        ("http://ba.test", "a.test", False),
        ("http://a.test", "jobs.a.test", False),
        ("https://a.test", "a.test:443", True),
        ("https://a.test", "a.test:80", False),
        ("https://a.test", "https://a.test", True),
        ("http://a.test", "x, ,*", True),
        ("http://a.test", ", ,[,]:,[::1,a b,10.0.0.0/99,.", False),
    ],
)
def test_entry_of_no_proxy_covers_what_it_says(address: str, entry: str, is_direct: bool) -> None:
    """One that can't be read covers nothing."""
    assert (proxy_for(address, {"all": PROXY, "no": entry}) is None) is is_direct


@given(st.text("[]:/.*,@ 1af", max_size=30))
def test_any_no_proxy_is_read(entries: str) -> None:
    """Whatever is in it, nothing is raised."""
    assert proxy_for("http://[::1]:1", {"http": PROXY, "no": entries}) in (None, PROXY)


@pytest.mark.parametrize(
    ("known", "proxy"),
    [
        ({}, None),
        ({"http": PROXY}, PROXY),
        ({"https": PROXY}, None),
        ({"http": PROXY, "all": "http://other.test"}, PROXY),
        ({"http": "", "all": PROXY}, PROXY),
        ({"http": "proxy.test:3128"}, PROXY),
        ({"https": "nonsense://"}, None),  # of no concern to a plain address
    ],
)
def test_proxy_of_the_scheme_comes_first(known: dict[str, Any], proxy: str | None) -> None:
    """Else that for all; without a scheme it is an http one."""
    assert proxy_for("http://a.test", known) == proxy


@pytest.mark.parametrize(
    "value",
    [
        "http://[::1",
        "http://:80",
        "http://a:port",
        "ftp://a",
        "a b",
        "http://user:secret@x:99999",
        "http://a:0",
    ],
)
def test_proxy_that_can_not_be_used_is_a_configuration_error(value: str) -> None:
    """It names the variable, and never shows its value."""
    with pytest.raises(ConfigurationError, match=r"^HTTP_PROXY ") as raised:
        proxy_for("http://a.test", {"http": value})
    assert "secret" not in str(raised.value)
