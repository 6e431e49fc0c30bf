"""What a client is made of, and what is said of a URL whose server can't be used."""

import pytest

from shared.errors import ConfigurationError
from shared.redis import build_client


@pytest.mark.parametrize(
    "url", ["", "canary", "http://api:canary@127.0.0.1", "redis://api:canary@127.0.0.1:port/0"]
)
def test_unreadable_url_is_refused_without_repeating_it(url: str) -> None:
    """The URL may hold a password."""
    with pytest.raises(ConfigurationError) as caught:
        build_client(url, timeout_s=1, max_connections=1)
    assert "canary" not in caught.value.message


def test_time_outs_in_the_url_count_for_nothing() -> None:
    """Else a URL that a service hands out would undo the bound on every request."""
    url = "redis://127.0.0.1:1/3?socket_timeout=30&socket_connect_timeout=30"
    options = build_client(url, timeout_s=0.2, max_connections=1).connection_pool.connection_kwargs
    assert (options["socket_timeout"], options["socket_connect_timeout"], options["db"]) == (
        0.2,
        0.2,
        3,
    )


def test_new_client_opens_no_connection() -> None:
    """Making one is free: it may be made before a fork, and while the server is away."""
    build_client("redis://127.0.0.1:1/0", timeout_s=1, max_connections=1).close()
