"""What one run of a benchmark is about: its folder, its Redis, its secrets.
Passed to every process as a file."""

import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from deploy.redis.valkey import EmbeddedValkey

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
