"""What writes sessions needs, and what our own Django site needs beyond that."""

from typing import Annotated, Any, ClassVar

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from shared.contract.entries import SESSIONS_SLOT
from shared.environment import ENV_PREFIX
from shared.redis.cluster import with_entry
from shared.settings.contract import ContractSettings
from shared.settings.fields import ApiUrl, RedisUrl, Secret, WordList, split_list


class WriterSettings(ContractSettings):
    """What writes sessions, principals and keys needs:
    our site, or the site of who adopts Gatehouse."""

    env_files: ClassVar[tuple[str, ...]] = ("contract.env", "site.env")

    site_redis_url: RedisUrl | None = Field(
        None, description="Redis as the user that may write sessions; else GATEHOUSE_REDIS_URL"
    )
    api_url: ApiUrl = Field(
        "",
        description="where the API is for what Django's side submits, when no process serves both: "
        "http://10.0.0.5:8000/api",
    )
    key_max_days: int = Field(
        365, ge=1, le=365, description="longest lifetime of an API key, in days"
    )

    @property
    def session_store_url(self) -> str:
        """The Redis URL that Django reads and writes sessions with."""
        url = (self.site_redis_url or self.redis_url).get_secret_value()
        return with_entry(url, SESSIONS_SLOT)

    @property
    def session_store_variable(self) -> str:
        """The variable that names the Redis of sessions."""
        return f"{ENV_PREFIX}{'SITE_' if self.site_redis_url else ''}REDIS_URL"


class SiteSettings(WriterSettings):
    """What only our own Django site needs."""

    secret_key: Secret = Field(description="Django's SECRET_KEY")
    secret_key_fallbacks: Annotated[tuple[Secret, ...], NoDecode] = Field(
        (), description="former SECRET_KEYs, comma-separated"
    )
    database_url: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("DATABASE_URL", "GATEHOUSE_DATABASE_URL", "database_url"),
        description="the site's database: postgres://user@host/name; else SQLite under var/. "
        "sqlite:///own.db is in the folder of the start, where Gatehouse is installed, else in "
        "the checkout",
    )
    debug: bool = Field(False, description="Django's debug pages; never in production")
    email_url: SecretStr | None = Field(
        None,
        description="mail server, smtp://user:password@host:587 (STARTTLS) or smtps://; "
        "else mail goes to files under var/",
    )
    email_from: str = Field("gatehouse@localhost", description="sender of the site's e-mail")
    email_verification: str = Field(
        "optional",
        pattern="^(none|optional|mandatory)$",
        description="whether an e-mail address must be verified: none, optional, or mandatory "
        "before the first log-in",
    )

    languages: WordList = Field(
        ("en", "de"),
        min_length=1,
        description="languages of the pages, comma-separated, by their codes; the first is for "
        "browsers that ask for none of them",
    )
    signup: str = Field(
        "",
        pattern="^(open|invited|closed)?$",
        description="who may sign up: open, invited or closed; closed in production, else open",
    )

    @property
    def signup_mode(self) -> str:
        """Who may sign up: ``open`` everybody, ``invited`` whom staff has invited by e-mail,
        ``closed`` nobody."""
        return self.signup or ("closed" if self.production else "open")

    @field_validator("secret_key_fallbacks", "languages", mode="before")
    @classmethod
    def _split_lists(cls, value: Any) -> Any:
        return split_list(value)
