"""Where the whole is mounted: what is believed of a proxy's word, and how addresses begin."""

import pytest

from shared.http.mount import ForwardedPrefix, enter, find_mount, plain_prefix
from shared.settings import ContractSettings
from shared.settings.fields import _cookie_path, _login_url

REFUSED = [
    "tools",
    "//evil",
    "/a//b",
    "/..",
    "/a/../b",
    "/./a",
    "/a?b",
    "/a#b",
    "/a\\b",
    "/a b",
    "/\r\nX: y",
    "/ä",
    "/%2e%2e",
    "/" + "a" * 200,
]


def mounted(**environ: str) -> str:
    """Return the mount of a request that a trusted proxy passed on to the API."""
    enter(environ, prefixes=("/tools", "/a/b", *REFUSED))
    environ["SCRIPT_NAME"] += "/api"  # as a dispatcher does
    return find_mount(environ, api_prefix="/api")


@pytest.mark.parametrize(
    ("text", "prefix"),
    [("", ""), ("/", ""), ("/tools", "/tools"), ("/tools/", "/tools"), ("/a/b-1._~", "/a/b-1._~")],
)
def test_plain_prefix_is_taken_without_its_last_slash(text: str, prefix: str) -> None:
    """As proxies write it, with or without a slash."""
    assert plain_prefix(text) == prefix


@pytest.mark.parametrize("text", REFUSED)
def test_prefix_that_could_lead_elsewhere_is_ignored(text: str) -> None:
    """It would begin every link, redirect and mail."""
    assert plain_prefix(text) is None
    assert mounted(SCRIPT_NAME="/ours", HTTP_X_FORWARDED_PREFIX=text) == "/ours"


def test_forwarded_prefix_stands_before_the_script_name_once() -> None:
    """However many applications ask; the proxy's own word is the last,
    and nobody's word counts without one."""
    environ = {
        "SCRIPT_NAME": "/ours",
        "HTTP_X_FORWARDED_PREFIX": "/forged, /tools",
        "SCRIPT_URL": "/ours/x",
    }
    enter(environ, prefixes=["/tools"])
    list(ForwardedPrefix(lambda *_: [], ["/tools"])(environ, lambda *_: None))  # type: ignore[arg-type]
    assert (environ["SCRIPT_NAME"], "SCRIPT_URL" in environ) == ("/tools/ours", False)
    # the server knows it
    assert mounted(SCRIPT_NAME="/tools/ours", HTTP_X_FORWARDED_PREFIX="/tools") == "/tools/ours"
    environ = {"SCRIPT_NAME": "", "HTTP_X_FORWARDED_PREFIX": "/tools"}
    enter(environ, prefixes=())
    assert find_mount({**environ, "SCRIPT_NAME": "/api"}, api_prefix="/api") == ""


@pytest.mark.parametrize("text", ["/evil/app", "/tools/app", "/tool", "/tools, /evil", "/TOOLS"])
def test_prefix_that_nobody_listed_is_ignored(text: str) -> None:
    """A proxy that sets none passes on what its client sent: it would stand in a reset's mail."""
    assert mounted(SCRIPT_NAME="/ours", HTTP_X_FORWARDED_PREFIX=text) == "/ours"


def test_prefixes_count_behind_a_trusted_proxy_only() -> None:
    """And are plain paths, without a slash at their end."""
    secret = "s" * 32
    settings = ContractSettings(session_secrets=secret, forwarded_prefixes="/tools/, /a/b")
    assert settings.forwarded_prefixes == ("/tools", "/a/b")
    assert settings.believed_prefixes == ()
    for wrong in ("/", "tools", "//evil", "https://x"):
        with pytest.raises(ValueError, match="it must be paths"):
            ContractSettings(session_secrets=secret, forwarded_prefixes=wrong)


def test_mount_is_known_where_nobody_noted_it() -> None:
    """The API's own SCRIPT_NAME tells; a gated application beside it has a path that is not the
    site's. Quoted, too."""
    assert find_mount({"SCRIPT_NAME": "/tools/api"}, api_prefix="/api") == "/tools"
    assert find_mount({"SCRIPT_NAME": "/shop"}, api_prefix="/api") == ""
    assert mounted(SCRIPT_NAME="/t\xc3\xb6\xc3\xb6ls x") == "/t%C3%B6%C3%B6ls%20x"


@pytest.mark.parametrize(
    "url",
    [
        "/accounts/login/",
        "/in?realm=a",
        "https://id.example.org/in",
        "http://127.0.0.1:8000/in?a=b",
    ],
)
def test_login_url_is_a_path_or_a_whole_url(url: str) -> None:
    """Below the mount, or a site's elsewhere."""
    assert _login_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "//evil",
        "/\\evil",
        "/a\\b",
        "in",
        "javascript:x",
        "https:///x",
        "https://a@b/",
        "http://h:0/",
        "/a#b",
        "/a b",
        "/\n",
    ],
)
def test_login_url_that_browsers_read_in_two_ways_is_refused(url: str) -> None:
    """Before anything runs."""
    with pytest.raises(ValueError, match="it must be"):
        _login_url(url)


def test_cookie_path_is_a_mount() -> None:
    """Without its last slash: a browser sends no cookie of /tools/ to /tools."""
    assert [_cookie_path(path) for path in ("", "/", "/tools/")] == ["", "/", "/tools"]
    with pytest.raises(ValueError, match="it must be"):
        _cookie_path("/; Domain=evil")
