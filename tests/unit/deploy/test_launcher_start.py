"""What the launcher checks before it starts anything, and what it prints."""

import os
import runpy
import shlex
import socket
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from deploy.launcher import main
from deploy.launcher.banner import banner, banner_notes, curl_lines
from deploy.launcher.launch import _names_redis
from deploy.launcher.server_process import ServerProcess
from deploy.processes.single_start import StartError
from deploy.redis.check import check_redis
from deploy.servers.cherrypy import build_server
from shared.errors import ConfigurationError
from shared.settings import ROOT, ApiSettings, ServerSettings, SiteSettings, load_settings

SECRET = "0123456789abcdef" * 4


def server(tmp_path: Path, *, host: str = "127.0.0.1", port: int = 8080) -> ServerProcess:
    """Return a server that was not started."""
    settings = ServerSettings(session_secrets=(SECRET,), host=host, port=port)
    return ServerProcess(settings, kind="cherrypy", var=tmp_path)


def test_port_in_use_names_the_option(tmp_path: Path) -> None:
    """The line says which port and what to do."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(StartError, match=f"port {port} is in use; choose another with --port"):
            server(tmp_path, port=port).check_port()
    server(tmp_path, port=port).check_port()


@pytest.mark.parametrize("host", ["203.0.113.1", "no-such-host.invalid"])
def test_host_that_is_not_ours_names_the_option(tmp_path: Path, host: str) -> None:
    """An address of another machine, or a name that doesn't resolve, is one clear line."""
    with pytest.raises(StartError, match=f"can't listen on {host}.*--host"):
        server(tmp_path, host=host).check_port()


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:8080"),
        ("localhost", "http://localhost:8080"),
        ("0.0.0.0", "http://127.0.0.1:8080"),
        ("::", "http://[::1]:8080"),
        ("::1", "http://[::1]:8080"),
        ("[::1]", "http://[::1]:8080"),
    ],
)
def test_address_is_one_that_can_be_opened(tmp_path: Path, host: str, address: str) -> None:
    """Every address is one to listen on, not one to type into a browser."""
    assert server(tmp_path, host=host).address == address


@pytest.mark.parametrize(
    ("host", "bind"),
    [
        ("0.0.0.0", "0.0.0.0:8080"),
        ("::1", "[::1]:8080"),
        ("[::1]", "[::1]:8080"),
        ("::", "[::]:8080"),
    ],
)
def test_gunicorn_listens_on_every_kind_of_address(
    monkeypatch: pytest.MonkeyPatch, host: str, bind: str
) -> None:
    """Its own syntax has brackets around IPv6."""
    monkeypatch.setenv("GATEHOUSE_HOST", host)
    monkeypatch.setenv("GATEHOUSE_PORT", "8080")
    assert runpy.run_path(str(ROOT / "gunicorn.conf.py"))["bind"] == bind


@pytest.mark.parametrize("host", ["127.0.0.1:9000", "[::1]:9000", "[::1", "[127.0.0.1]", "::1::"])
def test_host_that_is_none_is_refused_by_its_name(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    """In one line, before anything starts."""
    monkeypatch.setenv("GATEHOUSE_HOST", host)
    with pytest.raises(ConfigurationError, match=r"GATEHOUSE_HOST.*without a port"):
        load_settings(ServerSettings)


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this system has no IPv6")
def test_cherrypy_listens_on_every_address_of_both_kinds() -> None:
    """`::` is reached by IPv6 and by IPv4, `::1` by IPv6."""
    for host, reached in (("::", ("::1", "127.0.0.1")), ("::1", ("::1",))):
        settings = ServerSettings(session_secrets=(SECRET,), host=host)
        httpd = build_server(lambda *_: [b""], settings.model_copy(update={"port": 0}))
        httpd.prepare()
        try:
            for each in reached:
                socket.create_connection((each, httpd.bind_addr[1]), timeout=10).close()
        finally:
            httpd.stop()


@pytest.mark.parametrize(
    ("url", "place"),
    [
        (
            "redis://me:hush-hush@127.0.0.1:{port}/0",
            "127.0.0.1:{port} can't be used, connection refused: nobody listens there",
        ),
        (
            "unix://me:hush-hush@/no/such/socket",
            "/no/such/socket can't be used, there is no such socket",
        ),
    ],
)
def test_unreachable_redis_is_named_without_its_password(url: str, place: str) -> None:
    """The line says where nobody answers, and holds no secret."""
    with socket.socket() as closed:  # bound and not listening: refuses connections
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        url, place = url.format(port=port), place.format(port=port)
        site = SiteSettings.model_validate(
            {"session_secrets": SECRET, "secret_key": SECRET, "site_redis_url": url}
        )
        api = ApiSettings.model_validate({"session_secrets": SECRET, "api_redis_url": url})
        with pytest.raises(StartError) as raised:
            check_redis(site, api)
    assert f"Redis at {place}: see GATEHOUSE_" in raised.value.message
    assert "hush" not in raised.value.message


def test_curl_lines_quote_whatever_the_password_is() -> None:
    """A shell reads the password back exactly, and globs nothing."""
    password = 'it\'s $HOME `x` "y" *'
    lines = curl_lines(
        "http://127.0.0.1:8080", api_prefix="/api", login_url="/accounts/login/", password=password
    )
    assert len(lines) == 3
    assert f"password={password}" in shlex.split(lines[1])
    assert shlex.split(lines[2])[-1] == "http://127.0.0.1:8080/api/jobs?wait=10"


def test_banner_without_a_password_leaves_the_lines_out() -> None:
    """Where there is no demo person, no line pretends so."""
    text = banner(
        "http://h:1", api_prefix="/api", login_url="/l/", password=None, log_file="var/server.log"
    )
    assert text.splitlines() == [
        "Gatehouse is at http://h:1",
        f"For scripts and shells: {os.path.relpath(sys.prefix)}/bin/gatehouse login http://h:1",
        "Ctrl-C stops it; data stays. The log is var/server.log",
    ]


def test_banner_says_why_a_browser_gets_no_further_at_its_address() -> None:
    """Hosts that don't list it, and cookies that need HTTPS; nothing else is said."""
    usual = SiteSettings(session_secrets=(SECRET,), secret_key=SecretStr(SECRET))
    assert banner_notes("http://127.0.0.1:8080", usual) == []
    assert banner_notes("http://[::1]:8080", usual) == []
    changes = {"allowed_hosts": ("example.org",), "production": True}
    hosts, https = banner_notes("http://127.0.0.1:8080", usual.model_copy(update=changes))
    assert "GATEHOUSE_ALLOWED_HOSTS" in hosts
    assert hosts.endswith(": example.org")
    assert "GATEHOUSE_PRODUCTION" in https
    assert "GATEHOUSE_TRUSTED_PROXY" in https
    changes["trusted_proxy"] = True
    assert "PROXY" not in banner_notes("http://h:1", usual.model_copy(update=changes))[1]
    text = banner(
        "http://h:1", api_prefix="", login_url="/", password=None, log_file="", notes=[hosts, https]
    )
    assert text.splitlines()[1:3] == [hosts, https]


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    """--help is complete and ends well."""
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert all(
        word in text
        for word in ("--host", "--port", "--server", "GATEHOUSE_VAR_DIR", "GATEHOUSE_REDIS_URL")
    )


@pytest.mark.parametrize(
    ("named", "are_all"),
    [("", False), ("SITE API", False), ("SITE API JOBS", True), ("REDIS", True)],
)
def test_redis_of_ones_own_is_known_by_any_of_its_names(
    named: str, are_all: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With one URL for each side no server of ours is started, and theirs are checked."""
    monkeypatch.setenv("GATEHOUSE_VAR_DIR", str(tmp_path))
    monkeypatch.setenv("GATEHOUSE_SESSION_SECRETS", SECRET)
    monkeypatch.setenv("GATEHOUSE_SECRET_KEY", SECRET)
    monkeypatch.setenv("GATEHOUSE_WORKER_SECRETS", SECRET)
    monkeypatch.delenv("GATEHOUSE_REDIS_URL", raising=False)
    for side in named.split():
        variable = "GATEHOUSE_REDIS_URL" if side == "REDIS" else f"GATEHOUSE_{side}_REDIS_URL"
        monkeypatch.setenv(variable, "redis://127.0.0.1:1")
    assert _names_redis(load_settings(ServerSettings)) == are_all
