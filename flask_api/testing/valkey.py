"""Settings of a test's own: nothing that they lead to is anybody else's."""

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deploy.redis.users import new_passwords
from deploy.redis.valkey import EmbeddedValkey
from shared.settings import ApiSettings


@contextmanager
def private_settings(folder: Path | None = None, **changes: Any) -> Iterator[ApiSettings]:
    """Start a Valkey and give settings that lead to it; at the end it is stopped.

    The gate and the jobs connect as the least privileged user, as in production; ``redis_url`` is
    of the user who may write sessions. ``folder``, by default a temporary one that is removed, gets
    the server's files and those of jobs. ``changes`` are further settings.
    Raises ConfigurationError where no server program is installed.
    """
    with tempfile.TemporaryDirectory(prefix="gatehouse-test-") as temporary:
        base = folder or Path(temporary)
        with EmbeddedValkey(base / "valkey", passwords=new_passwords()) as valkey:
            values: dict[str, Any] = {
                "session_secrets": (secrets.token_urlsafe(32),),
                "redis_url": valkey.url("django"),
                "api_redis_url": valkey.url("api"),
                "jobs_redis_url": valkey.url("api"),
                "job_files_url": f"file://{base / 'files'}",
            }
            yield ApiSettings(**{**values, **changes})
