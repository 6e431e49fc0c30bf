"""The last lines of a log: bounded in bytes as all that is read in one round trip."""

from typing import cast

from flask_api.jobs.records.reading.pages import PAGE_BYTES
from flask_api.jobs.records.scripts import load_scripts
from shared.redis import RedisGateway


def read_tail(store: RedisGateway, log: str) -> list[str]:
    """Return the last lines of a log, as many as a page may have bytes. Raises
    JobStoreUnavailable."""
    script = load_scripts()["tail"]
    lines = store.read(lambda client: script.run(client, [log], [PAGE_BYTES]), is_large=True)
    return cast("list[str]", lines)
