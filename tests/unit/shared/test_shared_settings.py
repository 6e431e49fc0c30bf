"""Settings: where they come from, what a wrong one says, and that no secret is ever shown."""

import os
import traceback
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from shared.errors import ConfigurationError
from shared.settings import (
    ApiSettings,
    ContractSettings,
    ServerSettings,
    SiteSettings,
    WriterSettings,
    load_settings,
    var_dir,
)

FIRST, SECOND = "first-" + "canary" * 6, "second-" + "canary" * 6
URL = "redis://api:canary@redis.example.org:6379/0"


@pytest.fixture(autouse=True)
def var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment with one session secret and an empty var folder."""
    for name in [
        name for name in os.environ if name.startswith("GATEHOUSE_") or name == "DATABASE_URL"
    ]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GATEHOUSE_VAR_DIR", str(tmp_path))
    monkeypatch.setenv("GATEHOUSE_SESSION_SECRETS", FIRST)
    return tmp_path


@pytest.mark.parametrize(
    ("kind", "variable", "value"),
    [
        (ContractSettings, "GATEHOUSE_SESSION_SECRETS", ""),
        (ContractSettings, "GATEHOUSE_SESSION_SECRETS", "canary"),
        (ContractSettings, "GATEHOUSE_SESSION_SECRETS", f"{FIRST},canary"),
        (ContractSettings, "GATEHOUSE_REDIS_TIMEOUT_MS", "canary"),
        (ContractSettings, "GATEHOUSE_REDIS_TIMEOUT_MS", "251"),
        (ContractSettings, "GATEHOUSE_REDIS_TIMEOUT_MS", "9"),
        (ContractSettings, "GATEHOUSE_SESSION_COOKIE_NAME", "canary; path=/"),
        (ContractSettings, "GATEHOUSE_API_PREFIX", "canary"),
        (ContractSettings, "GATEHOUSE_API_PREFIX", "/canary/"),
        (ContractSettings, "GATEHOUSE_LOGIN_URL", "//canary.example.org"),
        (ContractSettings, "GATEHOUSE_LOGIN_URL", "/\\canary.example.org"),
        (ContractSettings, "GATEHOUSE_LOG_FORMAT", "canary"),
        (ContractSettings, "GATEHOUSE_PRODUCTION", "canary"),
        (SiteSettings, "GATEHOUSE_SECRET_KEY", "canary"),
        (SiteSettings, "GATEHOUSE_SECRET_KEY_FALLBACKS", f"{FIRST},canary"),
        (ApiSettings, "GATEHOUSE_JOB_THREADS", "0"),
        (ApiSettings, "GATEHOUSE_WEB_ALLOWED_NETWORKS", "canary/8"),
        (ContractSettings, "GATEHOUSE_REDIS_URL", "http://:canary@redis.example.org"),
        (ContractSettings, "GATEHOUSE_REDIS_URL", "redis+cluster://:canary@n1,n2,n3/"),
        (ContractSettings, "GATEHOUSE_REDIS_PREFIX", "canary*:"),
        (ContractSettings, "GATEHOUSE_REDIS_PREFIX", ""),
        (WriterSettings, "GATEHOUSE_SITE_REDIS_URL", "canary"),
        (ApiSettings, "GATEHOUSE_API_REDIS_URL", "redis://me:canary@redis.example.org:port/0"),
        (ApiSettings, "GATEHOUSE_JOBS_REDIS_URL", "redis://[canary"),
        (SiteSettings, "GATEHOUSE_CSRF_TRUSTED_ORIGINS", "https://a.example.org,canary"),
        (ServerSettings, "GATEHOUSE_PORT", "70000"),
    ],
)
def test_wrong_value_names_the_variable_and_no_value(
    kind: type[ContractSettings], variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says which variable to fix; the value, which may be a secret,
    is in no part of it."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=f"{variable}: ") as caught:
        load_settings(kind)
    assert "canary" not in "".join(traceback.format_exception(caught.value))
    assert not value or value not in caught.value.message


REFUSED_OPTIONS = (
    ("redis://:canary@h/0#x", "it has no #"),
    ("redis+sentinel://:canary@h/0?service=a#x", "it has no #"),
    ("redis://:canary@h/0?socket_timeout=abc", "the option socket_timeout is seconds"),
    ("redis://:canary@h/0?socket_connect_timeout=-1", "the option socket_connect_timeout is"),
    ("redis://:canary@h/0?socket_keepalive=off", "socket_keepalive is true or false"),
    ("redis://:canary@h/0?db=", "the option db is a number"),
    ("redis://:canary@h?db=1&db=2", "the option db is given once"),
    ("redis+sentinel://:canary@h/0?service=", "the option service is not empty"),
    ("rediss://:canary@h/0?ssl_cert_reqs=CERT_REQUIRED", "required, optional or none"),
    ("rediss://:canary@h/0?ssl_check_hostname=off", "ssl_check_hostname is true or false"),
    ("rediss://:canary@h/0?ssl_min_version=TLSv1.3", "771 (TLS 1.2) or 772 (TLS 1.3)"),
    ("rediss://:canary@h/0?ssl_ca_certs=", "the option ssl_ca_certs is not empty"),
    ("rediss://:canary@h/0?ssl_keyfile=/a", "ssl_keyfile needs ssl_certfile"),
    ("rediss://:canary@h/0?ssl_ciphers=canary", "the option ssl_ciphers is a list"),
    ("rediss://:canary@h/0?ssl_keyfile_password=canary", "must be of db"),
)


@pytest.mark.parametrize(
    ("url", "accepted"),
    [
        ("redis://:canary@redis.example.org/seven", "a number"),
        ("redis://:canary@redis.example.org/0?db=seven", "a number"),
        ("redis://:canary@redis.example.org/?nonsense=canary", "db, socket_timeout"),
        ("redis://:canary@redis.example.org/0?ssl_cert_reqs=none", "of a redis:// URL"),
        ("unix://me:canary@/run/redis.sock?max_connections=3", "of a unix:// URL"),
        ("redis://:canary@redis.example.org/0?canary", "behind ? it has name=value"),
        ("http://:canary@redis.example.org/0", "redis://, rediss:// or unix://"),
        ("redis://me:canary@redis.example.org:port/0", "the port is no number"),
        ("redis://me:canary@redis.example.org:0/0", "the port is no number"),
        ("redis://me:canary/more@redis.example.org:6379/0", "write / as %2F, # as %23"),
        ("redis://me:canary#more@redis.example.org:6379/0", "write / as %2F, # as %23"),
        ("redis://me:1/canary@redis.example.org:6379/0", "write / as %2F, # as %23"),
        ("redis://me:1#canary@redis.example.org:6379/0", "write / as %2F, # as %23"),
        ("redis://me:1?canary@redis.example.org:6379/0", "write / as %2F, # as %23"),
        ("redis+sentinel://me:canary/more@s1,s2/0", "write / as %2F, # as %23"),
        ("redis+sentinel://me:canary@s1,s2/0?services=a", "of a redis+sentinel:// URL"),
        ("redis+sentinel://me:canary@s1,s2/0?services=a", "service, sentinel_password, replicas"),
        ("redis+cluster://me:canary@n1,n2/?replica=0", "of a redis+cluster:// URL"),
        ("redis+cluster://me:canary@n1,n2/?replica=0", "must be of replicas, socket_timeout"),
        ("rediss+cluster://me:canary@n1,n2/?replica=0", "ssl_cert_reqs"),
        ("redis+cluster://me:canary@n1,n2/1", "has only database 0: end the URL after the /"),
        ("redis+cluster://me:canary@n1,n2/?db=1", "has only database 0: end the URL after the /"),
        *REFUSED_OPTIONS,
    ],
)
def test_redis_url_whose_parts_would_not_be_heeded_is_refused(
    url: str, accepted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database or an option that is passed over without a word leads to another server's data,
    or to no encryption."""
    monkeypatch.setenv("GATEHOUSE_REDIS_URL", url)
    with pytest.raises(ConfigurationError, match="GATEHOUSE_REDIS_URL: ") as caught:
        load_settings(ContractSettings)
    assert accepted in caught.value.message
    assert "canary" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "url",
    [
        "redis://me:word@redis.example.org:6380/15?socket_timeout=3",
        "rediss://redis.example.org?ssl_cert_reqs=required&ssl_ca_certs=/etc/ca.pem",
        "unix://me:word@/run/redis.sock?db=3",
        "redis://redis.example.org",
        "redis://redis.example.org/",
        "rediss://redis.example.org:6379/0?ssl_ca_certs=/etc/ssl/ca@2024.pem&ssl_min_version=772",
        "rediss://redis.example.org/0?ssl_certfile=/a&ssl_keyfile=/b&ssl_password=p@ss",
        "redis://redis.example.org?socket_timeout=0.25&socket_keepalive=False",
    ],
)
def test_redis_url_that_is_read_as_it_stands_is_accepted(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Databases, TLS, and the time-outs that services hand out."""
    monkeypatch.setenv("GATEHOUSE_REDIS_URL", url)
    assert load_settings(ContractSettings).redis_url.get_secret_value() == url


def test_short_secret_is_told_once_and_how_long_it_must_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence a person can act on, not also what follows from it."""
    monkeypatch.setenv("GATEHOUSE_SESSION_SECRETS", f"{FIRST},canary")
    with pytest.raises(ConfigurationError) as caught:
        load_settings(ContractSettings)
    assert caught.value.message.startswith(
        "GATEHOUSE_SESSION_SECRETS: a secret needs at least 32 characters (secrets that sign"
    )
    assert caught.value.message.count("GATEHOUSE_SESSION_SECRETS") == 1


def test_missing_values_are_named_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that is wrong is told at once, each with what it is for."""
    monkeypatch.delenv("GATEHOUSE_SESSION_SECRETS")
    with pytest.raises(ConfigurationError) as caught:
        load_settings(SiteSettings)
    assert "GATEHOUSE_SESSION_SECRETS: it is required (secrets that sign" in caught.value.message
    assert "GATEHOUSE_SECRET_KEY: it is required (Django's SECRET_KEY)" in caught.value.message


def test_secrets_are_in_no_text_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings in a log line or a traceback show no secret and no password of a URL."""
    for name in ("REDIS_URL", "SITE_REDIS_URL", "API_REDIS_URL", "JOBS_REDIS_URL", "EMAIL_URL"):
        monkeypatch.setenv(f"GATEHOUSE_{name}", URL)
    monkeypatch.setenv("DATABASE_URL", "postgres://gatehouse:canary@db/gatehouse")
    monkeypatch.setenv("GATEHOUSE_SECRET_KEY", SECOND)
    monkeypatch.setenv("GATEHOUSE_SECRET_KEY_FALLBACKS", SECOND)
    for kind in (SiteSettings, ApiSettings, ServerSettings):
        settings = load_settings(kind)
        for text in (repr(settings), str(settings), f"{settings}", settings.model_dump_json()):
            assert "canary" not in text


def test_lists_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    """White space and empty parts don't count; the first secret is the one that signs."""
    monkeypatch.setenv("GATEHOUSE_SESSION_SECRETS", f" {SECOND} ,, {FIRST},")
    monkeypatch.setenv("GATEHOUSE_TASK_MODULES", "a.b, c.d")
    monkeypatch.setenv("GATEHOUSE_WEB_ALLOWED_NETWORKS", "10.1.0.0/16,fd00::/8")
    settings = load_settings(ApiSettings)
    assert settings.secrets == (SECOND, FIRST)
    assert settings.task_modules == ("a.b", "c.d")
    assert [str(network) for network in settings.web_allowed_networks] == [
        "10.1.0.0/16",
        "fd00::/8",
    ]


@given(secrets=st.lists(st.from_regex(r"[!-+\--~]{32,50}", fullmatch=True), min_size=1, max_size=4))
def test_any_secrets_without_commas_are_read_as_written(secrets: list[str]) -> None:
    """A secret may hold any printable character but a comma."""
    settings = ContractSettings(session_secrets=",".join(secrets))
    assert settings.secrets == tuple(secrets)


def test_files_are_read_in_order_and_the_environment_wins(
    var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A side's own file comes after the shared one, the environment after both;
    other sides' files are not read."""
    (var / "contract.env").write_text(
        "GATEHOUSE_API_PREFIX=/one\nGATEHOUSE_LOG_FORMAT=json\nGATEHOUSE_REDIS_TIMEOUT_MS=100\n"
    )
    (var / "api.env").write_text(
        "GATEHOUSE_API_PREFIX=/two\nGATEHOUSE_JOB_THREADS=3\nGATEHOUSE_UNKNOWN=1\n"
    )
    (var / "site.env").write_text("GATEHOUSE_API_PREFIX=/three\n")
    monkeypatch.setenv("GATEHOUSE_REDIS_TIMEOUT_MS", "150")
    settings = load_settings(ApiSettings)
    assert (settings.api_prefix, settings.log_format, settings.job_threads) == ("/two", "json", 3)
    assert settings.redis_timeout_ms == 150
    assert load_settings(WriterSettings).api_prefix == "/three"
    assert load_settings(ContractSettings).api_prefix == "/one"


def test_var_folder_is_moved_by_the_environment(var: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder is where it is said to be, else beside the code; an empty variable is none."""
    assert var_dir() == var
    monkeypatch.setenv("GATEHOUSE_VAR_DIR", "")
    assert var_dir().name == "var"
    assert var_dir().is_absolute()


@pytest.mark.parametrize("variable", ["DATABASE_URL", "GATEHOUSE_DATABASE_URL"])
def test_database_url_is_read_by_either_name(
    variable: str, var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name that hosting platforms set works, in the environment and in the file."""
    monkeypatch.setenv("GATEHOUSE_SECRET_KEY", SECOND)
    assert load_settings(SiteSettings).database_url is None
    (var / "site.env").write_text(f"{variable}=postgres://from-file\n")
    assert load_settings(SiteSettings).database_url == SecretStr("postgres://from-file")
    monkeypatch.setenv(variable, "postgres://from-environment")
    assert load_settings(SiteSettings).database_url == SecretStr("postgres://from-environment")


def test_redis_urls_fall_back_to_the_common_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """One URL serves all; each side, and the jobs, may have their own."""
    monkeypatch.setenv("GATEHOUSE_REDIS_URL", "redis://common")
    api = load_settings(ApiSettings)
    assert (api.session_store_url, api.job_store_url) == ("redis://common", "redis://common")
    assert load_settings(WriterSettings).session_store_url == "redis://common"
    monkeypatch.setenv("GATEHOUSE_API_REDIS_URL", "redis://api")
    monkeypatch.setenv("GATEHOUSE_SITE_REDIS_URL", "redis://site")
    api = load_settings(ApiSettings)
    assert (api.session_store_url, api.job_store_url) == ("redis://api", "redis://api")
    assert load_settings(WriterSettings).session_store_url == "redis://site"
    monkeypatch.setenv("GATEHOUSE_JOBS_REDIS_URL", "redis://jobs")
    api = load_settings(ApiSettings)
    assert (api.session_store_url, api.job_store_url) == ("redis://api", "redis://jobs")


def test_cookie_name_is_hardened_in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    """Production uses the prefix that browsers protect, unless a name is given."""
    assert load_settings(ContractSettings).cookie_name == "sessionid"
    monkeypatch.setenv("GATEHOUSE_PRODUCTION", "1")
    assert load_settings(ContractSettings).cookie_name == "__Host-sessionid"
    assert load_settings(ContractSettings).hardened("csrftoken") == "__Host-csrftoken"
    monkeypatch.setenv("GATEHOUSE_COOKIE_DOMAIN", "example.org")
    # no browser keeps __Host- with a domain
    assert load_settings(ContractSettings).cookie_name == "__Secure-sessionid"
    monkeypatch.setenv("GATEHOUSE_COOKIE_PATH", "/tools")
    assert load_settings(ContractSettings).hardened("csrftoken") == "__Secure-csrftoken"
    monkeypatch.setenv("GATEHOUSE_SESSION_COOKIE_NAME", "mine")
    assert load_settings(ContractSettings).cookie_name == "mine"


def test_login_path_of_former_versions_is_still_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deployment that sets GATEHOUSE_LOGIN_PATH goes on; the new name wins."""
    monkeypatch.setenv("GATEHOUSE_LOGIN_PATH", "/in/")
    assert load_settings(ContractSettings).login_url == "/in/"
    monkeypatch.setenv("GATEHOUSE_LOGIN_URL", "https://id.example.org/in/")
    assert load_settings(ContractSettings).login_url == "https://id.example.org/in/"


def test_api_is_never_given_djangos_secret_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the API holds can't forge a password-reset link,
    even when the variable is set for both."""
    monkeypatch.setenv("GATEHOUSE_SECRET_KEY", SECOND)
    assert not hasattr(load_settings(ApiSettings), "secret_key")
