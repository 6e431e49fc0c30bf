"""What both sides must agree on: Redis, session secrets, lifetimes, the cookie's name, the API's prefix."""

from typing import Annotated, Any, ClassVar

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from shared.session import Lifetimes
from shared.settings.fields import Origin, RedisUrl, Secret, WordList, split_list

ENV_PREFIX = "GATEHOUSE_"
DAY_S = 86_400


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
    allowed_hosts: WordList = Field(("localhost", "127.0.0.1", "[::1]"), description="host names served, comma-separated")
    production: bool = Field(False, description="__Host- cookies, Secure, HSTS: needs HTTPS in front")
    trusted_proxy: bool = Field(
        False, description="one proxy of yours is in front: believe its X-Forwarded-Proto and X-Forwarded-For"
    )
    csrf_trusted_origins: Annotated[tuple[Origin, ...], NoDecode] = Field(
        (), description="further origins of forms and requests, comma-separated: https://app.example.org, https://*.example.org"
    )
    log_format: str = Field("console", pattern="^(console|json)$", description="console or json")

    @field_validator("session_secrets", "allowed_hosts", "csrf_trusted_origins", mode="before")
    @classmethod
    def _split_contract_lists(cls, value: Any) -> Any:
        return split_list(value)

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
