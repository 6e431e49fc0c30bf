"""The one reader of cookies: what it finds, and what it refuses to choose between."""

import pytest

from shared.errors import AmbiguousCredentials
from shared.http.cookies import find_cookie


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("", None),
        (";", None),
        (";;;", None),
        ("other=1", None),
        ("sessionid=abc", "abc"),
        ("sessionid=", ""),
        ("sessionid", ""),
        ("a=1; sessionid=abc; b=2", "abc"),
        ("a=1;sessionid=abc;b=2", "abc"),
        ("  sessionid  =  abc  ", "abc"),
        ("\tsessionid=abc", "abc"),
        ('sessionid="abc"', '"abc"'),
        ("sessionid=a=b==", "a=b=="),
        ("sessionid=%61", "%61"),
        ("xsessionid=1; sessionidx=2; my-sessionid=3", None),
        ("__Host-sessionid=1", None),
        ("SessionID=1; SESSIONID=2", None),
        ("a=sessionid=abc", None),
        ('a="; sessionid=abc; "', "abc"),
        ("sessionid=a,sessionid=b", "a,sessionid=b"),
        ("$Version=1; sessionid=abc; $Path=/", "abc"),
        ("=abc", None),
    ],
)
def test_header_gives_the_cookie_as_sent(header: str, value: str | None) -> None:
    """The value is found whatever stands around it, and is neither unquoted nor decoded."""
    assert find_cookie(header, "sessionid") == value


@pytest.mark.parametrize(
    "header",
    [
        "sessionid=a; sessionid=b",
        "sessionid=a; sessionid=a",
        "sessionid=a;sessionid=",
        "sessionid; sessionid=a",
        "sessionid=a; x=1; sessionid =b",
        'sessionid="a; sessionid=b"',
    ],
)
def test_cookie_that_comes_twice_is_refused(header: str) -> None:
    """Two of a name, even alike, are refused whole: frameworks differ on which one counts."""
    with pytest.raises(AmbiguousCredentials, match="more than one cookie named sessionid"):
        find_cookie(header, "sessionid")


def test_prefixed_name_is_its_own_cookie() -> None:
    """Beside the hardened name, a planted plain one is another cookie."""
    assert find_cookie("sessionid=planted; __Host-sessionid=mine", "__Host-sessionid") == "mine"
