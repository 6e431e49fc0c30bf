"""Every setting, typed, from one place: the environment, else the files that script/server keeps under var/.

The variables are the field names in capitals with the prefix ``GATEHOUSE_``. Three groups, so that a process is given only
what its side needs: the API is never given Django's SECRET_KEY.

    ContractSettings     both sides: Redis, session secrets, lifetimes, cookie name, the API's prefix   var/contract.env
    ├── WriterSettings   what writes sessions; SiteSettings adds our own Django site's                  var/site.env
    ├── ApiSettings      the Flask API and its jobs                                                     var/api.env
    └── ServerSettings   wsgi.py and gunicorn.conf.py
"""

import os
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from shared.errors import ConfigurationError
from shared.session import Lifetimes

ENV_PREFIX = "GATEHOUSE_"
ROOT = Path(__file__).resolve().parent.parent
DAY_S = 86_400

SettingsT = TypeVar("SettingsT", bound="ContractSettings")
SECRET_MIN_LENGTH = 32
_REDIS_SCHEMES = ("redis", "rediss", "unix")


def _long_enough(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value()) < SECRET_MIN_LENGTH:
        raise ValueError(f"a secret needs at least {SECRET_MIN_LENGTH} characters")
    return secret


def _redis_url(url: SecretStr) -> SecretStr:
    """Refuse what redis-py could not read, here where the variable's name is known."""
    try:
        parts = urlsplit(url.get_secret_value())
        is_readable = parts.scheme in _REDIS_SCHEMES and parts.port != 0
    except ValueError:  # its message repeats a part of the URL, which may hold a password
        is_readable = False
    if not is_readable:
        raise ValueError("accepted are redis://, rediss:// and unix:// URLs")
    return url


Secret = Annotated[SecretStr, AfterValidator(_long_enough)]
RedisUrl = Annotated[SecretStr, AfterValidator(_redis_url)]
WordList = Annotated[tuple[str, ...], NoDecode]
Origin = Annotated[str, Field(pattern=r"^https?://[^/]+$")]


def var_dir() -> Path:
    """Return the folder of what runs on this machine: ``GATEHOUSE_VAR_DIR``, else ``var`` beside the code."""
    return Path(os.environ.get(f"{ENV_PREFIX}VAR_DIR") or ROOT / "var").resolve()


def _split(value: Any) -> Any:
    """Lists are written with commas: ``a,b``. JSON in a shell variable is a trap for quotes."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


class ContractSettings(BaseSettings):
    """What both sides must agree on."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, extra="ignore", hide_input_in_errors=True, frozen=True, populate_by_name=True
    )
    env_files: ClassVar[tuple[str, ...]] = ("contract.env",)

    redis_url: RedisUrl = Field(SecretStr("redis://127.0.0.1:6379/0"), description="Redis for sessions and jobs")
    redis_timeout_ms: int = Field(200, ge=10, le=250, description="bound on connecting to and on each answer of Redis")
    redis_connections: int = Field(64, ge=1, le=10_000, description="connections that one process keeps at most")
    session_secrets: Annotated[tuple[Secret, ...], NoDecode] = Field(
        min_length=1, description="signs entries in Redis; comma-separated, the first signs and all verify"
    )
    session_cookie_name: str = Field("", pattern=r"^[A-Za-z0-9_-]*$", description="sessionid, __Host-sessionid in production")
    session_idle_s: int = Field(7 * DAY_S, ge=60, description="a session ends after so long without a Django page")
    session_absolute_s: int = Field(30 * DAY_S, ge=60, description="a session ends so long after it began, whatever happens")
    api_prefix: str = Field("/api", pattern=r"^(/[a-z0-9_-]+)+$", description="where Flask is mounted")
    upload_max_bytes: int = Field(1_000_000_000, ge=1, description="largest file that may be uploaded")
    login_path: str = Field("/accounts/login/", pattern=r"^/[^/\\].*$", description="where a browser is sent to log in")
    production: bool = Field(False, description="__Host- cookies, Secure, HSTS: needs HTTPS in front")
    trusted_proxy: bool = Field(
        False, description="one proxy of yours is in front: believe its X-Forwarded-Proto and X-Forwarded-For"
    )
    log_format: str = Field("console", pattern="^(console|json)$", description="console or json")

    @field_validator("session_secrets", mode="before")
    @classmethod
    def _split_secrets(cls, value: Any) -> Any:
        return _split(value)

    @property
    def cookie_name(self) -> str:
        """The session cookie's name; the ``__Host-`` prefix makes browsers refuse one set by a sibling host."""
        return self.session_cookie_name or ("__Host-sessionid" if self.production else "sessionid")

    @property
    def secrets(self) -> tuple[str, ...]:
        """The session secrets in clear, first the one that signs."""
        return tuple(secret.get_secret_value() for secret in self.session_secrets)

    @property
    def lifetimes(self) -> Lifetimes:
        """The idle and the absolute lifetime of a session."""
        return Lifetimes(idle_s=self.session_idle_s, absolute_s=self.session_absolute_s)


class WriterSettings(ContractSettings):
    """What writes sessions, principals and keys needs: our site, or the site of who adopts Gatehouse."""

    env_files: ClassVar[tuple[str, ...]] = ("contract.env", "site.env")

    site_redis_url: RedisUrl | None = Field(None, description="Redis as the user that may write sessions; else REDIS_URL")
    key_max_days: int = Field(365, ge=1, le=365, description="longest life of an API key, in days")

    @property
    def session_store_url(self) -> str:
        """The Redis URL that Django reads and writes sessions with."""
        return (self.site_redis_url or self.redis_url).get_secret_value()


class SiteSettings(WriterSettings):
    """What only our own Django site needs."""

    secret_key: Secret = Field(description="Django's SECRET_KEY")
    secret_key_fallbacks: Annotated[tuple[Secret, ...], NoDecode] = Field((), description="former SECRET_KEYs, comma-separated")
    database_url: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("DATABASE_URL", "GATEHOUSE_DATABASE_URL", "database_url"),
        description="else SQLite under var/",
    )
    allowed_hosts: WordList = Field(("localhost", "127.0.0.1", "[::1]"), description="host names served, comma-separated")
    csrf_trusted_origins: Annotated[tuple[Origin, ...], NoDecode] = Field(
        (), description="further origins of forms, https://... comma-separated"
    )
    debug: bool = Field(False, description="Django's debug pages; never in production")
    email_url: SecretStr | None = Field(
        None, description="smtp://user:password@host:587 (STARTTLS) or smtps://; else a file under var/"
    )
    email_from: str = Field("gatehouse@localhost", description="sender of the site's e-mail")
    email_verification: str = Field(
        "optional", pattern="^(none|optional|mandatory)$", description="none, optional, or mandatory before the first log-in"
    )

    @field_validator("secret_key_fallbacks", "allowed_hosts", "csrf_trusted_origins", mode="before")
    @classmethod
    def _split_lists(cls, value: Any) -> Any:
        return _split(value)


class ApiSettings(ContractSettings):
    """What only the Flask API and its jobs need."""

    env_files: ClassVar[tuple[str, ...]] = ("contract.env", "api.env")

    api_redis_url: RedisUrl | None = Field(None, description="Redis as the user that may only read sessions; else REDIS_URL")
    jobs_redis_url: RedisUrl | None = Field(None, description="Redis for jobs; else as for sessions")
    task_modules: WordList = Field(("flask_api.tasks.library",), description="modules with tasks, comma-separated")
    job_threads: int = Field(16, ge=1, le=1000, description="jobs that one process runs at once on threads")
    job_processes: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=1,
        le=256,
        description="child processes for jobs; else one per processor",
    )
    job_running_limit: int = Field(12, ge=1, description="jobs of one person that one process runs at once on threads")
    job_person_limit: int = Field(20_000, ge=1, description="unfinished jobs that one person may have")
    job_queue_limit: int = Field(50_000, ge=1, description="unfinished jobs that one process holds")
    job_ttl_s: int = Field(7 * DAY_S, ge=1, description="a finished job is kept so long")
    job_heartbeat_s: int = Field(10, ge=2, le=60, description="a process that is silent so long is taken for dead")
    job_files_url: str = Field("", description="fsspec URL of the folder for jobs' files; else var/files")
    job_file_max_bytes: int = Field(100_000_000, ge=1, description="largest file that a job may keep")
    job_files_max: int = Field(100, ge=0, description="files that a job may keep")
    upload_ttl_s: int = Field(DAY_S, ge=1, description="an uploaded file is kept so long, and while an unfinished job needs it")
    upload_person_bytes: int = Field(10_000_000_000, ge=1, description="bytes of uploaded files that one person may keep")
    upload_person_files: int = Field(1_000, ge=1, description="uploaded files that one person may keep")
    batch_max: int = Field(10_000, ge=1, le=10_000, description="jobs in one batch")
    batch_body_max_bytes: int = Field(16_777_216, ge=1024, description="largest request body of a batch")
    allow_volatile_redis: bool = Field(False, description="start on a Redis that may lose accepted jobs")
    job_result_max_bytes: int = Field(1_048_576, ge=1024, description="largest result of a job, as JSON")
    max_body_bytes: int = Field(1_048_576, ge=1024, description="largest request body of the API")
    max_wait_s: int = Field(30, ge=0, le=300, description="longest long-poll")
    max_waiting: int = Field(8, ge=0, description="long-polls held at once by one process; beyond it they answer at once")
    max_streams: int = Field(8, ge=0, description="event streams held at once by one process; beyond it they are refused")
    stream_heartbeat_s: float = Field(10, gt=0, le=60, description="a silent event stream shows so often that it lives")
    metrics: str = Field("open", pattern="^(open|closed)$", description="who reads /api/metrics: open (all), closed (staff)")
    web_allowed_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        (), description="private networks that web tasks may fetch from, comma-separated: 10.1.0.0/16"
    )
    web_host_connections: int = Field(8, ge=1, le=1000, description="connections of web tasks to one address, per process")
    web_user_agent: str = Field(
        "",
        pattern=r"^[\x20-\x7e]*$",
        description="who web tasks say they are; name a contact: Example-Bot (+https://example.org/bot)",
    )

    @field_validator("task_modules", "web_allowed_networks", mode="before")
    @classmethod
    def _split_lists(cls, value: Any) -> Any:
        return _split(value)

    @property
    def session_store_url(self) -> str:
        """The Redis URL that the gate reads sessions, principals and keys with."""
        return (self.api_redis_url or self.redis_url).get_secret_value()

    @property
    def job_store_url(self) -> str:
        """The Redis URL of the job engine."""
        return (self.jobs_redis_url or self.api_redis_url or self.redis_url).get_secret_value()


class ServerSettings(ContractSettings):
    """What the servers need: wsgi.py (CherryPy) and gunicorn.conf.py."""

    host: str = Field("127.0.0.1", min_length=1, description="address to listen on")
    port: int = Field(8080, ge=1, le=65_535, description="port to listen on")
    server_threads: int = Field(32, ge=2, le=1000, description="requests that one process answers at once")
    server_workers: int = Field(2, ge=1, le=256, description="gunicorn's worker processes")
    drain_s: int = Field(20, ge=1, le=600, description="time that running requests and jobs get after SIGTERM")
    site_max_body_bytes: int = Field(16_777_216, ge=1024, description="largest request body of the whole service")


def load_settings(kind: type[SettingsT]) -> SettingsT:
    """Read the settings of one side from the environment and its files under var/.

    Raises ConfigurationError that names every wrong variable and what is accepted, without any value.
    """
    files = [var_dir() / name for name in kind.env_files]
    try:
        return kind(_env_file=files)
    except ValidationError as error:
        # Of one variable the first problem: what follows from it would only distract.
        problems: dict[str, str] = {}
        for line in error.errors(include_input=False, include_url=False, include_context=False):
            problems.setdefault(*_problem(kind, dict(line)))
        raise ConfigurationError("; ".join(f"{variable}: {text}" for variable, text in problems.items())) from None


def _problem(kind: type[ContractSettings], line: dict[str, Any]) -> tuple[str, str]:
    name = str(line["loc"][0]) if line["loc"] else ""
    field = kind.model_fields.get(name.lower())
    variable = name if name.isupper() else f"{ENV_PREFIX}{name.upper()}"
    meaning = f" ({field.description})" if field and field.description else ""
    return variable, f"{str(line['msg']).removeprefix('Value error, ')}{meaning}"
