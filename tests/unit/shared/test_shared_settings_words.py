"""What a wrong or misspelt setting says: words that a person can act on."""

from pathlib import Path

import pytest

from shared.errors import ConfigurationError
from shared.settings import ContractSettings, ServerSettings, SiteSettings, load_settings
from shared.settings.misspelt import misspelt


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


@pytest.mark.parametrize("hosts", ["*", ".example.org,localhost", "[::1],127.0.0.1", "::1"])
def test_hosts_as_django_writes_them_are_accepted(
    hosts: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Patterns and addresses of either version."""
    monkeypatch.setenv("GATEHOUSE_SESSION_SECRETS", "s" * 40)
    monkeypatch.setenv("GATEHOUSE_ALLOWED_HOSTS", hosts)
    assert load_settings(ContractSettings).allowed_hosts == tuple(hosts.split(","))


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
