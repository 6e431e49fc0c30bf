"""In production the API is asked over HTTPS only, as the site is."""

import pytest
from flask import Flask

from flask_api.testing import running_api
from shared.settings import ApiSettings
from tests.integration.gate.gate_bench import ask

pytestmark = pytest.mark.usefixtures("site")


@pytest.mark.parametrize(
    ("trusted_proxy", "forwarded", "status"),
    [
        (True, "https", 401),
        (True, "http", 403),
        (True, None, 403),
        (False, "https", 403),
        (False, None, 403),
    ],
)
def test_plain_http_is_refused_in_production(
    api_settings: ApiSettings, trusted_proxy: bool, forwarded: str | None, status: int
) -> None:
    """Only a proxy of ours is believed when it says that the request came over HTTPS;
    open endpoints stay open."""
    headers = {} if forwarded is None else {"X-Forwarded-Proto": forwarded}
    with running_api(api_settings, production=True, trusted_proxy=trusted_proxy) as app:
        answer = ask(app, "/api/me", headers=headers)
        assert answer.status_code == status
        assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
        assert ask(app, "/api/health/live").status_code == 200


def test_plain_http_is_fine_on_a_laptop(api: Flask) -> None:
    """Without the production profile nobody needs a certificate."""
    assert ask(api, "/api/me").status_code == 401
