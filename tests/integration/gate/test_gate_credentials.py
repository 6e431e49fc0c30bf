"""Which credential counts: who sends a key is judged by it alone,
whatever cookie comes with it (OWASP ASVS 6.3.4)."""

import logging

import pytest
from flask import Flask

from shared.contract.api_keys import new_key
from shared.contract.authentication import Refusal
from tests.integration.gate.gate_bench import ask, new_visitor

pytestmark = pytest.mark.usefixtures("site")

BAD_AUTHORIZATION = {
    "malformed key": ("Bearer gh_nonsense", Refusal.KEY_MALFORMED),
    "key that nobody has": (f"Bearer {new_key()}", Refusal.KEY_ABSENT),
    "empty": ("", Refusal.KEY_MALFORMED),
    "bare scheme": ("Bearer", Refusal.KEY_MALFORMED),
    "other scheme": ("Basic dXNlcjpwYXNz", Refusal.KEY_MALFORMED),
    "two keys": (f"Bearer {new_key()}, Bearer {new_key()}", Refusal.KEY_MALFORMED),
}


@pytest.mark.parametrize(
    ("authorization", "reason"), BAD_AUTHORIZATION.values(), ids=BAD_AUTHORIZATION.keys()
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_bad_key_beside_a_good_cookie_is_401(
    api: Flask, caplog: pytest.LogCaptureFixture, method: str, authorization: str, reason: Refusal
) -> None:
    """Who sends a key is judged by it alone: the cookie doesn't help,
    and the key is no way around the cross-site check."""
    visitor = new_visitor()
    path = "/api/me" if method == "GET" else "/api/jobs"
    expected = ask(api, path, method=method)
    caplog.clear()
    headers = {"Authorization": authorization, "Sec-Fetch-Site": "cross-site"}
    with caplog.at_level(logging.INFO, logger="gatehouse.security"):
        answer = ask(api, path, method=method, cookie=visitor.cookie, headers=headers)
    assert (answer.data, dict(answer.headers)) == (expected.data, dict(expected.headers))
    assert answer.status_code == 401
    assert [
        str(vars(record)["reason"])
        for record in caplog.records
        if record.name == "gatehouse.security"
    ] == [reason]
