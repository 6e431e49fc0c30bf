"""What both sides must agree on: Redis, session secrets, lifetimes, the cookie's name,
the API's prefix."""

from typing import Annotated, Any, ClassVar

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from shared.contract.entries import PREFIX
from shared.contract.session import Lifetimes
from shared.environment import ENV_PREFIX
from shared.settings.fields import (
    CookiePath,
    HostName,
    LoginUrl,
    Origin,
    Prefix,
    RedisUrl,
    Secret,
    split_list,
)

DAY_S = 86_400


class ContractSettings(BaseSettings):
    """What both sides must agree on."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        extra="ignore",
        hide_input_in_errors=True,
        frozen=True,
        populate_by_name=True,
    )
    env_files: ClassVar[tuple[str, ...]] = ("contract.env",)

    redis_url: RedisUrl = Field(
        SecretStr("redis://127.0.0.1:6379/0"), description="Redis for sessions and jobs"
    )
    redis_timeout_ms: int = Field(
        200,
        ge=10,
        le=250,
        description="longest wait for a connection to Redis and for each answer, in milliseconds; "
        "to ask Sentinels or a Cluster who the primary is takes several, a second in all at most",
    )
    redis_connections: int = Field(
        64, ge=1, le=10_000, description="most connections to Redis that one process keeps"
    )
    redis_prefix: str = Field(
        PREFIX,
        description="how the names of all entries in Redis begin, one for all that share it: "
        "gatehouse:, and for a Redis Cluster a hash tag, {gatehouse}:",
    )
    session_secrets: Annotated[tuple[Secret, ...], NoDecode] = Field(
        min_length=1,
        description="secrets that sign data in Redis, comma-separated: the first signs, all verify",
    )
    session_cookie_name: str = Field(
        "",
        pattern=r"^[A-Za-z0-9_-]*$",
        description="name of the session cookie; else sessionid, in production __Host-sessionid",
    )
    session_idle_s: int = Field(
        7 * DAY_S, ge=60, description="seconds without a page of Django after which a session ends"
    )
    session_absolute_s: int = Field(
        30 * DAY_S,
        ge=60,
        description="seconds after its begin when a session ends, whatever happens",
    )
    api_prefix: str = Field(
        "/api",
        pattern=r"^(/[a-z0-9_-]+)+$",
        description="path at which the API is mounted: /api, /tools/api",
    )
    upload_max_bytes: int = Field(
        1_000_000_000, ge=1, description="largest file that may be uploaded, in bytes"
    )
    login_url: LoginUrl = Field(
        "/accounts/login/",
        validation_alias=AliasChoices("GATEHOUSE_LOGIN_URL", "GATEHOUSE_LOGIN_PATH", "login_url"),
        description="where a browser is sent to log in: a path below the mount, or the URL of a "
        "site on another host or port",
    )
    cookie_path: CookiePath = Field(
        "",
        description="path of the site's cookies; else the site's mount, and / for __Host- cookies",
    )
    cookie_domain: str = Field(
        "",
        pattern=r"^\.?[A-Za-z0-9.-]*$",
        description="domain of the session cookie, for services on other hosts below it",
    )
    allowed_hosts: Annotated[tuple[HostName, ...], NoDecode] = Field(
        ("localhost", "127.0.0.1", "[::1]"),
        description="host names that the service answers to, comma-separated",
    )
    production: bool = Field(
        False,
        description="for a public service: __Host- cookies, Secure, HSTS; it needs HTTPS in front",
    )
    trusted_proxy: bool = Field(
        False,
        description="a reverse proxy of yours is in front: trust its X-Forwarded-Proto and -For",
    )
    forwarded_prefixes: Annotated[tuple[Prefix, ...], NoDecode] = Field(
        (),
        description="paths that the trusted proxy cuts off and names in X-Forwarded-Prefix, "
        "comma-separated: /tools; any other value of that header is ignored",
    )
    csrf_trusted_origins: Annotated[tuple[Origin, ...], NoDecode] = Field(
        (),
        description="further origins that forms and requests may come from, comma-separated: "
        "https://app.example.org, https://*.example.org",
    )
    log_format: str = Field("console", pattern="^(console|json)$", description="console or json")

    @field_validator(
        "session_secrets",
        "allowed_hosts",
        "csrf_trusted_origins",
        "forwarded_prefixes",
        mode="before",
    )
    @classmethod
    def _split_contract_lists(cls, value: Any) -> Any:
        return split_list(value)

    @field_validator("redis_prefix")
    @classmethod
    def _require_the_prefix_in_use(cls, value: str) -> str:
        if value != PREFIX:  # names are made already, by what the environment said
            raise ValueError(
                "it must be a word and a colon, in braces for a hash tag, as gatehouse: or "
                "{gatehouse}:, and be named in the environment or in var/contract.env"
            )
        return value

    @property
    def believed_prefixes(self) -> tuple[str, ...]:
        """The prefixes that are believed of X-Forwarded-Prefix; none without a trusted proxy."""
        return self.forwarded_prefixes if self.trusted_proxy else ()

    @property
    def cookie_name(self) -> str:
        """The session cookie's name; the ``__Host-`` prefix makes browsers refuse one set by a
        sibling host."""
        return self.session_cookie_name or self.hardened("sessionid", domain=self.cookie_domain)

    def hardened(self, name: str, *, domain: str = "") -> str:
        """Return a cookie's name as production has it:
        browsers keep ``__Host-`` only with the path / and without a domain."""
        if not self.production:
            return name
        return (
            f"__Host-{name}" if not domain and self.cookie_path in ("", "/") else f"__Secure-{name}"
        )

    @property
    def is_login_elsewhere(self) -> bool:
        """Whether the log-in page is named by a whole URL:
        on another host or port, as far as this service knows."""
        return not self.login_url.startswith("/")

    @property
    def secrets(self) -> tuple[str, ...]:
        """The session secrets in clear, first the one that signs."""
        return tuple(secret.get_secret_value() for secret in self.session_secrets)

    @property
    def lifetimes(self) -> Lifetimes:
        """The idle and the absolute lifetime of a session."""
        return Lifetimes(idle_s=self.session_idle_s, absolute_s=self.session_absolute_s)
