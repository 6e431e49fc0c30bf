"""What a wrong or misspelt setting says: words that a person can act on."""

import re
from pathlib import Path

import pytest
from pydantic import SecretStr, TypeAdapter, ValidationError

from shared.errors import ConfigurationError
from shared.settings import (
    ApiSettings,
    ContractSettings,
    ServerSettings,
    SiteSettings,
    load_settings,
    misspelt_settings,
)
from shared.settings.fields import AmqpUrl
from shared.settings.misspelt import misspelt
from shared.settings.worker import WorkerSettings


@pytest.mark.parametrize(
    ("kind", "variable", "value", "said"),
    [
        (SiteSettings, "GATEHOUSE_SIGNUP", "invite", "it must be one of open, invited, closed ("),
        (
            SiteSettings,
            "GATEHOUSE_EMAIL_VERIFICATION",
            "always",
            "it must be one of none, optional, mandatory (",
        ),
        (
            ContractSettings,
            "GATEHOUSE_SESSION_IDLE_S",
            "7d",
            "it must be a whole number of seconds (",
        ),
        (
            ContractSettings,
            "GATEHOUSE_REDIS_TIMEOUT_MS",
            "0.2s",
            "it must be a whole number of milliseconds (",
        ),
        (ServerSettings, "GATEHOUSE_PORT", "80o", "it must be a whole number ("),
        (ServerSettings, "GATEHOUSE_PORT", "70000", "it must be at most 65535 ("),
        (ServerSettings, "GATEHOUSE_PORT", "0", "it must be at least 1 ("),
        (ContractSettings, "GATEHOUSE_SESSION_SECRETS", "", "it is empty ("),
        (ContractSettings, "GATEHOUSE_API_PREFIX", "api/", "it must be a path such as /api"),
        (ContractSettings, "GATEHOUSE_PRODUCTION", "yep", "it must be true or false ("),
        (ContractSettings, "GATEHOUSE_API_PREFIX", "api", "path at which the API is mounted: /api"),
        (
            ContractSettings,
            "GATEHOUSE_ALLOWED_HOSTS",
            "https://example.org",
            "without a scheme, a port or a path (",
        ),
        (
            ContractSettings,
            "GATEHOUSE_ALLOWED_HOSTS",
            "localhost,example.org:8080",
            "without a scheme, a port or a path (",
        ),
        (
            ContractSettings,
            "GATEHOUSE_ALLOWED_HOSTS",
            "[::1]:8080",
            "without a scheme, a port or a path (",
        ),
    ],
)
def test_wrong_value_says_what_is_accepted(
    kind: type[ContractSettings],
    variable: str,
    value: str,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """In plain words, not as a regular expression or a type's name."""
    monkeypatch.setenv("GATEHOUSE_VAR_DIR", str(tmp_path))
    monkeypatch.setenv("GATEHOUSE_SESSION_SECRETS", "s" * 40)
    monkeypatch.setenv("GATEHOUSE_SECRET_KEY", "k" * 40)
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError) as caught:
        load_settings(kind)
    assert caught.value.message.startswith(f"{variable}: ")
    assert said in caught.value.message


@pytest.mark.parametrize("kind", [ServerSettings, ApiSettings, SiteSettings, WorkerSettings])
@pytest.mark.parametrize("value", ["", "\x01", "-1", "x", "1e99", "[", "{}", "\N{SNOWMAN}/"])
def test_no_setting_answers_in_the_words_of_its_library(
    kind: type[ContractSettings], value: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No regular expression, no name of a type: whatever stands in whichever setting."""
    monkeypatch.setenv("GATEHOUSE_VAR_DIR", str(tmp_path))
    for name in kind.model_fields:
        monkeypatch.setenv("GATEHOUSE_SESSION_SECRETS", "s" * 40)
        monkeypatch.setenv("GATEHOUSE_SECRET_KEY", "k" * 40)
        monkeypatch.setenv("GATEHOUSE_WORKER_SECRETS", "w" * 40)
        monkeypatch.setenv(f"GATEHOUSE_{name.upper()}", value)
        try:
            load_settings(kind)
        except ConfigurationError as error:
            said = error.message.partition(" (")[0]
            assert not re.search(r"[Ii]nput|should|pattern|validation|parse|value is", said), said
        monkeypatch.delenv(f"GATEHOUSE_{name.upper()}")


def test_labels_of_a_worker_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """As from the command line: a list with commas."""
    monkeypatch.setenv("GATEHOUSE_WORKER_LABELS", "gpu, large")
    assert load_settings(WorkerSettings).worker_labels == ("gpu", "large")


@pytest.mark.parametrize("hosts", ["*", ".example.org,localhost", "[::1],127.0.0.1", "LOCALHOST"])
def test_hosts_as_django_writes_them_are_accepted(
    hosts: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Patterns and addresses of either version."""
    monkeypatch.setenv("GATEHOUSE_SESSION_SECRETS", "s" * 40)
    monkeypatch.setenv("GATEHOUSE_ALLOWED_HOSTS", hosts)
    assert load_settings(ContractSettings).allowed_hosts == tuple(hosts.split(","))


@pytest.mark.parametrize(
    "host",
    [
        "*.example.org",
        "::1",
        "[::1",
        "example.org.",
        "my_host",
        "exa mple",
        ".",
        "..x.",
        "[::1]:80",
    ],
)
def test_host_that_no_request_can_have_is_refused(host: str) -> None:
    """The service would answer 400 to everybody."""
    with pytest.raises(ValueError, match="without a scheme, a port or a path"):
        ContractSettings(session_secrets="s" * 40, allowed_hosts=host)


@pytest.mark.parametrize(
    ("origin", "is_fine"),
    [
        ("https://app.example.org", True),
        ("https://*.example.org", True),
        ("https://*.example.org:8443", True),
        ("http://localhost:8000", True),
        ("http://[::1]", True),
        ("http://[::1]:8000", True),
        ("https://*", False),
        ("https://app.*.example.org", False),
        ("https://app.example.org:443", False),
        ("http://app.example.org:80", False),
        ("https://app.example.org:", False),
        ("https://app.example.org:08", False),
        ("https://user@x", False),
        ("https://x/", False),
        ("ftp://x", False),
        ("https://", False),
        ("https://.x", False),
        ("https://:8000", False),
        ("https://[::1]:", False),
    ],
)
def test_origin_that_no_browser_sends_is_refused(origin: str, is_fine: bool) -> None:
    """It would let nobody in, and look as if it did."""
    if is_fine:
        settings = ContractSettings(session_secrets="s" * 40, csrf_trusted_origins=origin)
        assert settings.csrf_trusted_origins == (origin,)
        return
    with pytest.raises(ValueError, match="it must be origins such as"):
        ContractSettings(session_secrets="s" * 40, csrf_trusted_origins=origin)


def test_misspelt_setting_in_a_file_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The files under var/ are read as the environment is."""
    monkeypatch.setenv("GATEHOUSE_VAR_DIR", str(tmp_path))
    (tmp_path / "site.env").write_text("export GATEHOUSE_SINGUP=open\nGATEHOUSE_SIGNUP=open\n")
    (line,) = [line for line in misspelt_settings() if "SINGUP" in line]
    assert "did you mean GATEHOUSE_SIGNUP?" in line


def test_misspelt_setting_is_named_with_what_was_meant_and_without_its_value() -> None:
    """What other parts of the product read, and former names, are no mistakes."""
    fine = (
        "SESSION_IDLE_S",
        "PORT",
        "JOB_THREADS",
        "SECRET_KEY",
        "DATABASE_URL",
        "LOGIN_PATH",
        "URL",
        "KEY",
        "VAR_DIR",
    )
    environment = {f"GATEHOUSE_{name}": "1" for name in fine} | {
        "PATH": "/bin",
        "DATABASE_URL": "x",
    }
    assert list(misspelt(environment)) == []
    assert list(
        misspelt({"GATEHOUSE_SESSION_IDEL_S": "canary", "GATEHOUSE_NONSENSE": "canary"})
    ) == [
        "GATEHOUSE_NONSENSE is not a setting and is ignored; docs/settings.md has all of them",
        "GATEHOUSE_SESSION_IDEL_S is not a setting and is ignored; did you mean "
        "GATEHOUSE_SESSION_IDLE_S?",
    ]


@pytest.mark.parametrize(
    "url",
    [
        "amqp://gate:p%40ss@rabbit.example.org/gate",
        "amqp://rabbit:5673",
        "amqps://gate:x@[::1]:5671/%2Fgate?ssl_ca_certs=/etc/ca.pem&ssl_certfile=a&ssl_keyfile=b",
    ],
)
def test_url_of_rabbitmq_is_accepted(url: str) -> None:
    """As it stands."""
    assert TypeAdapter(AmqpUrl).validate_python(SecretStr(url)).get_secret_value() == url


@pytest.mark.parametrize(
    "url",
    [
        "redis://gate:topsecret@h/0",
        "amqp://",
        "amqp:///gate",
        "amqp://gate:topsecret@h:0/x",
        "amqp://gate:topsecret@h:port/x",
        "amqp://gate:topsecret@h/a/b",
        "amqp://gate:topsecret@h/x?ssl_ca_certs=a",
        "amqps://gate:topsecret@h/x?heartbeat=0",
        "amqps://gate:topsecret@h/x?ssl_ca_certs=",
        "amqps://gate:topsecret@h/x?ssl_ca_certs=a&ssl_ca_certs=b",
        "amqps://gate:topsecret@h/x?ssl_keyfile=a",
        "amqps://gate:topsecret@h/x#y",
        "amqp://gate:topsecret@[h/x",
    ],
)
def test_url_of_anything_else_is_refused_without_its_words(url: str) -> None:
    """What nothing here would heed, too."""
    with pytest.raises(ValidationError, match=r"amqps?://") as refused:
        TypeAdapter(AmqpUrl).validate_python(SecretStr(url))
    assert "topsecret" not in str(refused.value.errors(include_input=False))
