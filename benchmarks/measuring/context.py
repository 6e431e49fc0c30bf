"""What one run of a benchmark is about: its folder, its Redis, its secrets.
Passed to every process as a file."""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from deploy.redis.valkey import EmbeddedValkey
from shared.settings import ENV_PREFIX

USERNAME = "ada"
USER_AGENT = "gatehouse-benchmark"


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One run. The Redis URLs are of one server; peers use the one whose user may do everything."""

    folder: str
    site_redis_url: str
    api_redis_url: str
    peer_redis_url: str
    session_secret: str
    secret_key: str

    @classmethod
    def of(cls, folder: Path, valkey: EmbeddedValkey) -> Self:
        """Return a context with fresh secrets."""
        return cls(
            folder=str(folder),
            site_redis_url=valkey.url("django"),
            api_redis_url=valkey.url("api"),
            peer_redis_url=valkey.url("admin"),
            session_secret=secrets.token_urlsafe(32),
            secret_key=secrets.token_urlsafe(50),
        )

    def environment(self, **settings: str) -> dict[str, str]:
        """Return the environment of the whole service in this run, with default settings but for
        these, named in lower case."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(ENV_PREFIX)}
        named = {
            "var_dir": self.folder,
            "session_secrets": self.session_secret,
            "secret_key": self.secret_key,
            "site_redis_url": self.site_redis_url,
            "api_redis_url": self.api_redis_url,
            **settings,
        }
        return own | {f"{ENV_PREFIX}{name.upper()}": value for name, value in named.items()}

    @classmethod
    def load(cls, file: str) -> Self:
        """Read what save wrote."""
        return cls(**json.loads(Path(file).read_text()))

    def save(self) -> Path:
        """Write the context into its folder, readable by this person only; return the file."""
        file = Path(self.folder) / "context.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps(asdict(self)))
        return file
