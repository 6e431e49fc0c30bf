"""``login``, ``logout``, ``whoami``, ``keys``: through the site's own pages."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.contract.api_keys import is_key, new_key
from tests.cli.command import Home
from tests.cli.people import PASSWORD, Person, forget_limits, new_person
from tests.e2e.service import ServiceProcess
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def ada(service: ServiceProcess) -> Person:
    """A person with a password only."""
    return new_person(service, "ada")


@pytest.fixture(scope="module")
def grace(service: ServiceProcess) -> Person:
    """A person with a second factor."""
    return new_person(service, "grace", has_second_factor=True)


@pytest.fixture
def limited(service: ServiceProcess) -> Iterator[ServiceProcess]:
    """The service, for a test that uses its limits up."""
    forget_limits(service)
    yield service
    forget_limits(service)


def saved_key(home: Home) -> str:
    """The key that the home holds."""
    return str(json.loads(home.config_file.read_text())["key"])


def test_login_keeps_a_key_that_nobody_else_may_read_and_logout_ends_it(
    service: ServiceProcess, ada: Person, stranger: Home
) -> None:
    """Log in by the form, be somebody, log out: the key of before opens nothing."""
    done = stranger.run(
        "login", service.address, "--username", "ada", "--password-stdin", stdin=f"{PASSWORD}\n"
    )
    assert (done.code, done.out) == (0, "")
    assert done.line.startswith(f"Logged in at {service.address} as ada.")
    assert stat.S_IMODE(stranger.config_file.stat().st_mode) == 0o600
    key = saved_key(stranger)
    assert is_key(key)
    assert key not in done.err
    assert stranger.run("whoami").out == f"ada at {service.address}\n"
    assert stranger.run("logout").line == f"Logged out of {service.address}; the key is revoked."
    assert not stranger.config_file.exists()
    elsewhere = stranger.run("whoami", GATEHOUSE_URL=service.address, GATEHOUSE_KEY=key)
    assert elsewhere.code == 4
    assert "gatehouse login" in elsewhere.line
    assert stranger.run("logout").line == "Nobody is logged in here."


def test_login_again_revokes_the_key_of_before(
    service: ServiceProcess, ada: Person, stranger: Home
) -> None:
    """Log-ins leave no trail of live keys."""
    log_in = ("login", service.address, "--username", "ada", "--password-stdin", "--json")
    first = json.loads(stranger.run(*log_in, "--name", "first", stdin=PASSWORD).out)
    assert first == {
        "address": service.address,
        "username": "ada",
        "key_id": first["key_id"],
        "key_name": "first",
    }
    stranger.run(*log_in, "--name", "second", stdin=PASSWORD)
    listed = stranger.run("keys", "list", "--json", "--password-stdin", stdin=PASSWORD)
    assert [json.loads(line)["name"] for line in listed.out.splitlines()] == ["second"]
    stranger.run("logout")


def test_second_factor_is_asked_for(service: ServiceProcess, grace: Person, stranger: Home) -> None:
    """Its code is the second line of stdin; a wrong one may be followed by a right one."""
    log_in = ("login", service.address, "--username", "grace", "--password-stdin")
    missing = stranger.run(*log_in, stdin=f"{PASSWORD}\n")
    assert (missing.code, missing.line) == (
        4,
        "gatehouse: The site asks for the code of your second factor",
    )
    wrong = stranger.run(*log_in, stdin=f"{PASSWORD}\n000000\n")
    assert wrong.code == 4
    assert "The code was refused: Incorrect code" in wrong.line
    right = stranger.run(*log_in, stdin=f"{PASSWORD}\n000000\n{grace.codes[0]}\n")
    assert right.code == 0, right
    assert stranger.run("whoami").out.startswith("grace at ")


def test_terminal_asks_for_everything_and_shows_no_secret(
    service: ServiceProcess, grace: Person, stranger: Home
) -> None:
    """Name, password, code: typed, the latter two unseen."""
    with stranger.on_terminal("login", service.address) as terminal:
        terminal.wait_for("Username or e-mail: ")
        terminal.type("grace\n")
        terminal.wait_for("Password: ")
        terminal.type(f"{PASSWORD}\n")
        terminal.wait_for("Code of your second factor: ")
        terminal.type("000000\n")
        wait_until(lambda: terminal.text.count("Code of your second factor: ") == 2, timeout_s=30)
        assert "The code was refused: " in terminal.text
        terminal.type(f"{grace.codes[1]}\n")
        assert terminal.wait_for_end() == 0, terminal.text
        assert "as grace" in terminal.text
        assert PASSWORD not in terminal.text
        assert grace.codes[1] not in terminal.text


def test_wrong_password_is_said_in_the_sites_words(
    service: ServiceProcess, ada: Person, stranger: Home
) -> None:
    """Alike for an unknown name."""
    for name in ("ada", "nobody-of-this-name"):
        done = stranger.run(
            "login", service.address, "--username", name, "--password-stdin", stdin="wrong"
        )
        assert done.code == 4
        assert "The log-in was refused: The username" in done.line
    assert not stranger.config_file.exists()


def test_locked_out_is_said(limited: ServiceProcess, ada: Person, stranger: Home) -> None:
    """Too many wrong passwords, and too many tries at all."""
    browser = limited.new_browser()
    for _ in range(5):
        browser.send_form("/accounts/login/", {"login": "ada", "password": "wrong"})
    log_in = ("login", limited.address, "--username", "ada", "--password-stdin")
    locked = stranger.run(*log_in, stdin=PASSWORD)
    assert locked.code == 4
    assert "Too many failed login attempts" in locked.line
    while browser.send_form("/accounts/login/", {}).status_code != 429:
        pass
    many = stranger.run(*log_in, stdin=PASSWORD)
    assert (many.code, many.line) == (
        4,
        "gatehouse: The log-in was refused: too many tries; wait 60 s",
    )


def test_existing_key_is_taken_from_stdin_and_survives_logout(
    service: ServiceProcess, home: Home, stranger: Home
) -> None:
    """It was not made here: other programs may use it."""
    key = saved_key(home)
    assert stranger.run("login", service.address, "--key", stdin=f"{key}\n").code == 0
    assert stranger.run("whoami").out == home.run("whoami").out
    assert "still works" in stranger.run("logout").line
    assert home.run("whoami").code == 0


@pytest.mark.parametrize(
    ("key", "code"),
    [(new_key(), 4), ("gh_", 4), ("", 4), ("with a blank", 4), ("\x1b[31m", 4)],
    ids=range(5),
)
def test_wrong_key_is_not_kept(
    service: ServiceProcess, stranger: Home, key: str, code: int
) -> None:
    """What is saved works."""
    done = stranger.run("login", service.address, "--key", stdin=f"{key}\n")
    assert done.code == code
    assert "\x1b" not in done.line
    assert not stranger.config_file.exists()


@pytest.mark.parametrize(
    "words",
    [
        ("--key", "--username", "ada"),
        ("--username", "ada"),
        (),
        ("--key",),
        ("--days", "0"),
        ("--password-stdin",),
        ("--username", "ada", "--password-stdin"),
    ],
)
def test_what_can_not_be_asked_for_is_a_usage_error(
    service: ServiceProcess, stranger: Home, words: tuple[str, ...]
) -> None:
    """No terminal, no words on stdin: nothing hangs."""
    done = stranger.run("login", service.address, *words)
    assert done.code == 2
    assert done.line.startswith("gatehouse: ")


def test_folder_that_can_not_be_written_is_said_and_leaves_no_key(
    service: ServiceProcess, ada: Person, tmp_path: Path
) -> None:
    """The key that could not be kept is revoked."""
    home = Home(tmp_path / "home")
    (home.folder / "config").write_text("in the way")
    person = ("--username", "ada", "--password-stdin")
    done = home.run("login", service.address, "--name", "lost", *person, stdin=PASSWORD)
    assert done.code == 4
    assert "can't be written" in done.line
    (home.folder / "config").unlink()
    listed = home.run("keys", "list", "--at", service.address, *person, stdin=PASSWORD)
    assert (listed.code, "lost" in listed.out) == (0, False)


def test_damaged_file_is_one_line_and_login_replaces_it(
    service: ServiceProcess, ada: Person, stranger: Home
) -> None:
    """A disk that was full, say."""
    stranger.config_file.parent.mkdir(parents=True)
    stranger.config_file.write_text('{"address": "http://loc')
    stranger.config_file.chmod(0o600)
    done = stranger.run("whoami")
    assert (done.code, "damaged" in done.line) == (4, True)
    assert (
        stranger.run(
            "login", service.address, "--username", "ada", "--password-stdin", stdin=PASSWORD
        ).code
        == 0
    )
    assert stranger.run("whoami").code == 0
    stranger.config_file.write_text("{")
    assert stranger.run("logout").code == 0
    assert not stranger.config_file.exists()


def test_keys_are_made_listed_and_revoked_with_the_password(
    service: ServiceProcess, ada: Person, stranger: Home
) -> None:
    """A key alone can't do it."""
    person = ("--at", service.address, "--username", "ada", "--password-stdin")
    made = stranger.run(
        "keys", "create", "nightly", "--scope", "jobs:read", "--days", "3", *person, stdin=PASSWORD
    )
    assert made.code == 0, made
    assert is_key(made.out.strip())
    listed = stranger.run("keys", "list", *person, stdin=PASSWORD).out.splitlines()[0].split("\t")
    assert listed[1:3] == ["nightly", "jobs:read"]
    access = {"GATEHOUSE_URL": service.address, "GATEHOUSE_KEY": made.out.strip()}
    assert stranger.run("jobs", **access).code == 0
    refused = stranger.run("submit", "primes.sum", "limit=1", **access)
    assert refused.code == 4
    assert "jobs:submit" in refused.line
    assert stranger.run("keys", "revoke", listed[0], *person, stdin=PASSWORD).code == 0
    assert stranger.run("jobs", **access).code == 4
    again = stranger.run("keys", "revoke", listed[0], *person, stdin=PASSWORD)
    assert (again.code, again.line) == (1, "gatehouse: You have no such key.")


def test_empty_word_is_no_word_that_was_left_out(
    service: ServiceProcess, ada: Person, stranger: Home
) -> None:
    """A variable of a script's that is empty: nothing else is put in its place, and the service
    that is logged in at is not asked instead."""
    log_in = ("login", service.address, "--password-stdin")
    assert stranger.run(*log_in, "--username", "ada", stdin=PASSWORD).code == 0
    nowhere = ("keys", "list", "--at", "", "--username", "ada", "--password-stdin")
    done = stranger.run(*nowhere, stdin=PASSWORD)
    assert (done.code, "isn't a valid address" in done.line) == (4, True)
    for words in (
        ("keys", "list", "--username", "", "--password-stdin"),
        (*log_in, "--username", ""),
    ):
        nobody = stranger.run(*words, stdin=PASSWORD)
        assert (nobody.code, "The log-in was refused" in nobody.line) == (4, True), words
    unnamed = stranger.run(*log_in, "--username", "ada", "--name", "", stdin=PASSWORD)
    assert (unnamed.code, "/name" in unnamed.line) == (2, True)
    assert stranger.run("tasks", "").code == 2
    stranger.run("logout")


def test_logout_that_can_not_revoke_the_key_says_so(
    service: ServiceProcess, ada: Person, stranger: Home
) -> None:
    """It is forgotten here all the same: a proxy that can't be used is one more reason."""
    log_in = ("login", service.address, "--username", "ada", "--password-stdin")
    assert stranger.run(*log_in, stdin=PASSWORD).code == 0
    done = stranger.run("logout", HTTP_PROXY="ftp://127.0.0.1:1")
    assert "The key still works (HTTP_PROXY names a 'ftp' proxy" in done.line
    assert not stranger.config_file.exists()


def test_refused_wish_for_a_key_names_the_field(
    service: ServiceProcess, ada: Person, stranger: Home
) -> None:
    """In the site's words."""
    person = ("--at", service.address, "--username", "ada", "--password-stdin")
    done = stranger.run(
        "keys", "create", "a", "--scope", "jobs:everything", *person, stdin=PASSWORD
    )
    assert done.code == 2
    assert "/scopes" in done.line
