"""A person's API keys on the site: made, listed and revoked by their session.

An API key can do none of this, on purpose: the finder of one must not be able to make more of them.
It can only end itself.
"""

import json
from typing import Any

from gatehouse.cli.exit_codes import CommandFailed, ExitCode
from gatehouse.cli.site.browser import TIMEOUT_S, SiteBrowser
from gatehouse.errors import BadProxy
from gatehouse.transport.certificates import trust_for
from gatehouse.transport.proxies import proxy_for

KEYS_PATH = "/account/keys/"

_CODES = {
    401: ExitCode.NOT_LOGGED_IN,
    403: ExitCode.NOT_LOGGED_IN,
    422: ExitCode.USAGE,
    429: ExitCode.UNAVAILABLE,
}


class SiteKeys:
    """The keys of the person whose session a browser holds."""

    def __init__(self, browser: SiteBrowser) -> None:
        self._browser = browser
        self.path = f"{browser.mount}{KEYS_PATH}"

    def create(self, name: str, *, scopes: list[str], days: int | None = None) -> dict[str, Any]:
        """Make a key and return its description with the key itself under ``key``."""
        wanted = {"name": name, "scopes": scopes} | (
            {} if days is None else {"expires_in_days": days}
        )
        return self._call("POST", self.path, json=wanted)

    def find_all(self) -> list[dict[str, Any]]:
        """Return the descriptions of the person's live keys."""
        found: list[dict[str, Any]] = self._call("GET", self.path)["keys"]
        return found

    def revoke(self, key_id: str) -> None:
        """Revoke a key of the person's."""
        self._call("DELETE", f"{self.path}{key_id}/")

    def _call(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        headers = {"Accept": "application/json", "X-CSRFToken": self._browser.csrf_token}
        answer = self._browser.request(method, path, headers=headers, **request)
        try:
            body = json.loads(answer.content or b"{}")
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise self._browser.not_a_gatehouse(
                f"it answers {answer.status_code} to a request for keys, and no JSON"
            )
        if answer.status_code >= 400:
            raise _problem(answer.status_code, body)
        return body


def end_key(address: str, key: str) -> str:
    """Let a key end itself; return why it failed, empty when the key is revoked."""
    import httpx

    from gatehouse.transport.httpx_adapter import FAILURES, failure_of

    try:
        answer = httpx.delete(
            f"{address}{KEYS_PATH}current/",
            headers={"Authorization": f"Bearer {key}"},
            timeout=TIMEOUT_S,
            verify=trust_for(address),
            trust_env=False,
            proxy=proxy_for(address),
        )
    except BadProxy as error:
        return error.message
    except FAILURES as error:
        return failure_of(error, address).message
    return "" if answer.status_code in (204, 401) else f"the site answers {answer.status_code}"


def _problem(status: int, body: dict[str, Any]) -> CommandFailed:
    """Turn a problem+json (RFC 9457) into one line."""
    errors = body.get("errors")
    lines = (
        [f"{line.get('pointer', '')}: {line.get('detail', '')}" for line in errors]
        if isinstance(errors, list)
        else []
    )
    code = _CODES.get(status, ExitCode.UNAVAILABLE if status >= 500 else ExitCode.FAILED)
    return CommandFailed(
        " ".join([str(body.get("detail", f"The site answers {status}")), *lines]), code=code
    )
