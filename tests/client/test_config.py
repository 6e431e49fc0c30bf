"""Where the client finds its service and its key, and that neither is lost,
leaked or half written."""

import json
import stat
import subprocess
import sys
from pathlib import Path

import platformdirs
import pytest

from gatehouse import Client, ConfigurationError, config

KEY = "gh_" + "k" * 49
SAVED = config.SavedLogin(
    address="http://localhost:8080", key=KEY, key_id="7", key_name="laptop", username="ada"
)


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person without any configuration."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Path(platformdirs.user_config_dir()).is_relative_to(tmp_path)


def test_nothing_known_says_what_to_do() -> None:
    """First the address, then the key."""
    with pytest.raises(ConfigurationError, match=r"gatehouse login ADDRESS', or set GATEHOUSE_URL"):
        Client()
    with pytest.raises(
        ConfigurationError,
        match=r"No key for http://localhost:1 is known: .* set "
        r"GATEHOUSE_KEY",
    ):
        Client("http://localhost:1")


def test_nobodys_home_is_said_and_not_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container a user may have no entry and no HOME:
    address and key from the environment are enough."""

    def unknown(uid: int) -> None:
        raise KeyError(uid)

    for variable in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(variable)
    monkeypatch.setattr("pwd.getpwuid", unknown)
    with pytest.raises(
        ConfigurationError,
        match=r"no home folder .* set GATEHOUSE_URL and "
        r"GATEHOUSE_KEY, or HOME",
    ):
        Client()
    assert config.find_access("http://localhost:1", KEY).key == KEY


def test_given_comes_before_environment_before_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of address and key by itself."""
    config.save(SAVED)
    assert config.find_access() == config.ServiceAccess(address="http://localhost:8080", key=KEY)
    monkeypatch.setenv("GATEHOUSE_KEY", "gh_environment")
    assert config.find_access().key == "gh_environment"
    monkeypatch.setenv("GATEHOUSE_URL", "https://jobs.example.org/")
    assert config.find_access() == config.ServiceAccess(
        address="https://jobs.example.org", key="gh_environment"
    )
    assert config.find_access("http://other", "gh_given") == config.ServiceAccess(
        address="http://other", key="gh_given"
    )


def test_saved_key_goes_to_its_own_address_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever can set the address must not be sent the key."""
    config.save(SAVED)
    monkeypatch.setenv("GATEHOUSE_URL", "http://evil.example.org")
    with pytest.raises(ConfigurationError, match=r"No key for http://evil.example.org"):
        config.find_access()


def test_what_is_saved_is_private_and_read_again() -> None:
    """Mode 0600, written whole; forgotten by logout."""
    file = config.save(SAVED)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert config.load_saved() == SAVED
    assert [path.name for path in file.parent.iterdir()] == ["config.json"]
    assert config.forget()
    assert config.load_saved() is None
    assert not config.forget()


def test_file_that_others_may_read_is_refused() -> None:
    """It may be known to them by now; the message says how to go on."""
    config.save(SAVED).chmod(0o644)
    with pytest.raises(ConfigurationError, match="may be read by others: run 'chmod 600"):
        config.load_saved()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"key": "k"}',
        '{"address": "ftp://x", "key": "k"}',
        "[" * 60_000,
        "\x00",
        '{"address": 1}',
    ],
)
def test_half_written_file_is_one_clear_error(text: str) -> None:
    """No traceback of a parser, and nothing of what stands there."""
    config.save(SAVED).write_text(text)
    with pytest.raises(ConfigurationError, match="is damaged: run 'gatehouse login ADDRESS' again"):
        config.load_saved()


def test_file_with_more_than_we_know_is_read() -> None:
    """A newer version may save more."""
    file = config.save(SAVED)
    file.write_text(json.dumps({**json.loads(file.read_text()), "theme": "dark"}))
    assert config.load_saved() == SAVED


def test_folder_that_can_not_be_written_is_a_clear_error(tmp_path: Path) -> None:
    """Here a file stands where the folder should be."""
    (tmp_path / "config").write_text("")
    with pytest.raises(ConfigurationError, match=r"config.json can't be written"):
        config.save(SAVED)
    with pytest.raises(ConfigurationError, match=r"config.json can't be (read|written)"):
        config.load_saved()


def test_write_that_fails_leaves_the_old_file() -> None:
    """The process may write no byte more, as on a full disk:
    what was saved before is still there, whole."""
    file = config.save(SAVED)
    program = (
        "import resource, signal; from gatehouse import config\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, "
        "(10, 10))\n"
        "config.save(config.SavedLogin(address='http://other', key='other'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False
    )
    assert "config.json can't be written: File too large" in done.stderr
    assert config.load_saved() == SAVED
    assert [path.name for path in file.parent.iterdir()] == ["config.json"]


@pytest.mark.parametrize(
    ("address", "used"),
    [
        ("http://localhost:8080/", "http://localhost:8080"),
        (" https://jobs.example.org/api/ ", "https://jobs.example.org"),
        ("https://example.org/jobs", "https://example.org/jobs"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_address_is_used_as_people_write_it(address: str, used: str) -> None:
    """With or without a slash or the API's own prefix."""
    assert config.check_address(address) == used


@pytest.mark.parametrize(
    "address",
    [
        "localhost:8080",
        "ftp://x",
        "http://",
        "http://x:99999",
        "http://x?y",
        "http://x#y",
        "x",
        "http://[",
    ],
)
def test_wrong_address_says_what_is_accepted(address: str) -> None:
    """One line, no traceback."""
    with pytest.raises(ConfigurationError, match="must be http://host"):
        Client(address, KEY)


def test_password_in_the_address_is_refused_and_not_shown() -> None:
    """It would be in logs."""
    with pytest.raises(ConfigurationError) as raised:
        Client("http://ada:secret@localhost", KEY)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("key", ["a b", "é", "a\nX-Evil: 1", "x" * 201])
def test_key_that_can_not_be_sent_is_refused_and_not_shown(key: str) -> None:
    """No header is split, no secret printed."""
    with pytest.raises(ConfigurationError) as raised:
        Client("http://localhost", key)
    assert key not in str(raised.value)


TOKEN = "mWc0-_" + "a" * 37


@pytest.mark.parametrize(
    ("link", "service"),
    [
        (TOKEN, "https://example.org"),
        (f" {TOKEN}\n", "https://example.org"),
        (f"https://example.org/shared/{TOKEN}/", "https://example.org"),
        (f"https://example.org/shared/{TOKEN}", "https://example.org"),
        (f"HTTPS://Example.org:443/api/shared/{TOKEN}", "https://example.org"),
        (f"http://localhost:8080/jobs/shared/{TOKEN}/", "http://localhost:8080/jobs"),
        (f"http://[::1]:8080/jobs/api/shared/{TOKEN}", "http://[::1]:8080/jobs"),
    ],
)
def test_token_of_a_shared_address_of_the_service_is_taken(link: str, service: str) -> None:
    """Of the page, of the API, or alone; as people copy them."""
    assert config.shared_token(link, service) == TOKEN


@pytest.mark.parametrize(
    "link",
    [
        f"other.example/shared/{TOKEN}/",
        f"example.org/jobs/shared/{TOKEN}/",
        f"//example.org/jobs/shared/{TOKEN}/",
        f"https:/jobs/shared/{TOKEN}/",
        f"/jobs/shared/{TOKEN}/",
        f"https://other.example/jobs/shared/{TOKEN}/",
        f"https://example.org:8443/jobs/shared/{TOKEN}/",
        f"https://example.org:0/jobs/shared/{TOKEN}/",
        f"https://example.org:x/jobs/shared/{TOKEN}/",
        f"http://example.org/jobs/shared/{TOKEN}/",
        f"https://example.org/shared/{TOKEN}/",
        f"https://example.org/jobs2/shared/{TOKEN}/",
        f"https://example.org/jobs/more/shared/{TOKEN}/",
        f"https://example.org/jobs/api/shared/{TOKEN}/log",
        f"https://example.org/jobs/api/jobs/{TOKEN}",
        f"https://ada@example.org/jobs/shared/{TOKEN}/",
        f"https://other.example\\@example.org/jobs/shared/{TOKEN}/",
        f"https://example.org/jobs/shared/{TOKEN}/?next=/",
        f"https://example.org/jobs/shared/{TOKEN}/#log",
        f"https://example.org/jobs/shared/%6D{TOKEN[1:]}/",
        f"https://example.org/jobs/shared/{TOKEN}a/",
        f"https://example.org/jobs/shared/{TOKEN[1:]}/",
        f"{TOKEN}a",
        TOKEN[1:],
        "ä" + TOKEN[1:],
        "../jobs",
        "https://[/shared/abc/",
        "",
    ],
)
def test_what_is_no_shared_address_of_the_service_has_no_token(link: str) -> None:
    """It would be sent to a service that it is not of. The error does not hold it either."""
    with pytest.raises(ConfigurationError, match=r"https://example\.org/jobs") as caught:
        config.shared_token(link, "https://example.org/jobs")
    assert TOKEN[1:] not in str(caught.value)
