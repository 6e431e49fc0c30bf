"""The Django site as a person's browser uses it:
log in by the form, second factor included, make keys, log out.

An API key can do none of this, on purpose: whoever finds one must not be able to make more of them.
"""

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urljoin, urlsplit

import click

from gatehouse.cli.forms import Form, Page
from gatehouse.cli.outcome import CommandFailed, ExitCode
from gatehouse.cli.output import is_conversation, say
from gatehouse.config import check_address
from gatehouse.proxies import proxy_for

if TYPE_CHECKING:
    import httpx

KEYS_PATH = "/account/keys/"
TIMEOUT_S = 15.0
_MAX_BYTES = 1_000_000
_MOUNT = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)*", re.ASCII)
_CODE_TRIES = 3


def service_address(address: str) -> str:
    """Return ``https://host[:port]`` of what a person typed,
    with the path where the service is mounted.

    Without a scheme HTTPS is meant, except on this machine.
    Raises ConfigurationError, or click.UsageError.
    """
    words = address.strip()
    if "://" not in words:
        words = f"{'http' if is_this_machine(f'//{words}') else 'https'}://{words}"
    checked = check_address(words)
    if not _MOUNT.fullmatch(urlsplit(checked).path) or not checked.isprintable():
        raise click.UsageError(
            f"{address!r} is no address of a service; accepted is for example "
            "https://jobs.example.org"
        )
    return checked


def is_this_machine(address: str) -> bool:
    """Tell whether what is sent there stays on this machine."""
    try:
        return urlsplit(address).hostname in ("localhost", "127.0.0.1", "::1")
    except ValueError:
        return False


def end_key(address: str, key: str) -> str:
    """Let a key end itself; return why it could not, empty when it is revoked."""
    import httpx

    try:
        answer = httpx.delete(
            f"{address}{KEYS_PATH}current/",
            headers={"Authorization": f"Bearer {key}"},
            timeout=TIMEOUT_S,
            trust_env=False,
            proxy=proxy_for(address),
        )
    except httpx.HTTPError as error:
        return str(error) or type(error).__name__
    return "" if answer.status_code in (204, 401) else f"the site answers {answer.status_code}"


class SiteSession:
    """A person's session on the site for the length of a ``with`` block; leaving it logs out.
    Not thread-safe."""

    def __init__(self, address: str) -> None:
        import httpx

        self.address = service_address(address)
        parts = urlsplit(self.address)
        self._origin, self._keys_path = (
            f"{parts.scheme}://{parts.netloc}",
            f"{parts.path}{KEYS_PATH}",
        )
        headers = {
            "Origin": self._origin,
            "Referer": f"{self.address}/",
            "User-Agent": "gatehouse-command",
        }
        self._http = httpx.Client(
            timeout=TIMEOUT_S, headers=headers, trust_env=False, proxy=proxy_for(self.address)
        )
        self._login_path = ""
        self._is_logged_in = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._log_out()
        finally:
            self._http.close()

    def find_login_page(self) -> None:
        """Ask as a browser for what needs a log-in: a Gatehouse says where its log-in page is.
        Raises CommandFailed."""
        answer = self._ask("GET", f"{self.address}/api/me", headers={"Accept": "text/html"})
        target = urljoin(f"{self.address}/api/me", answer.headers.get("Location", ""))
        if (
            answer.status_code == 302
            and "login_required" in target
            and not target.startswith(f"{self._origin}/")
        ):
            page = target.partition("?")[0][:200]
            raise CommandFailed(
                f"The log-in page of {self.address} is elsewhere: {page}. Make a key there in a "
                "browser, then run "
                f"'gatehouse login {self.address} --key'",
                code=ExitCode.NOT_LOGGED_IN,
            )
        if answer.status_code != 302 or "login_required" not in target:
            where = f" and sends to {target[:200]}" if answer.is_redirect else ""
            raise self._not_a_gatehouse(f"it answers {answer.status_code}{where}")
        self._login_path = urlsplit(target).path

    def log_in(self, username: str, password: str, *, ask_code: Callable[[], str | None]) -> None:
        """Log in; ``ask_code`` is asked for the second factor, if there is one,
        and returns None when it has no more.

        Raises CommandFailed, which says in the site's own words why it refused.
        """
        if not self._login_path:
            self.find_login_page()
        page = self._get(f"{self._login_path}?next={self._keys_path}")
        form = page.find_form("login")
        if form is None or "password" not in form.fields:
            raise self._not_a_gatehouse("its log-in page has no form")
        form.fields |= {"login": username, "password": password}
        target = self._send(form, refused="The log-in was refused")
        if target != self._keys_path:
            target = self._send_code(target, ask_code)
        if target != self._keys_path:
            url = urljoin(self._origin, target)
            raise CommandFailed(
                f"The site wants something else first; open {url} in a browser",
                code=ExitCode.NOT_LOGGED_IN,
            )
        self._is_logged_in = True

    def create_key(
        self, name: str, *, scopes: list[str], days: int | None = None
    ) -> dict[str, Any]:
        """Make a key and return its description with the key itself under ``key``."""
        wanted = {"name": name, "scopes": scopes} | (
            {} if days is None else {"expires_in_days": days}
        )
        return self._call("POST", self._keys_path, json=wanted)

    def keys(self) -> list[dict[str, Any]]:
        """Return the descriptions of the person's live keys."""
        found: list[dict[str, Any]] = self._call("GET", self._keys_path)["keys"]
        return found

    def revoke_key(self, key_id: str) -> None:
        """Revoke a key of the person's."""
        self._call("DELETE", f"{self._keys_path}{key_id}/")

    def _send(self, form: Form, *, refused: str) -> str:
        """Send a form and return the path that it leads to."""
        answer = self._ask("POST", form.action or self._login_path, data=form.fields)
        if answer.status_code == 429:
            wait_s = answer.headers.get("Retry-After", "60")
            raise CommandFailed(
                f"{refused}: too many tries; wait {wait_s[:10]} s", code=ExitCode.NOT_LOGGED_IN
            )
        if answer.status_code == 302:
            return str(urlsplit(answer.headers.get("Location", "")).path)
        complaints = (
            Page(answer.text).complaints
            if answer.status_code == 200
            else [f"the site answers {answer.status_code}"]
        )
        raise _Refused(f"{refused}: {' '.join(complaints) or 'the site does not say why'}")

    def _send_code(self, path: str, ask_code: Callable[[], str | None]) -> str:
        refusal = CommandFailed(
            "The site asks for the code of your second factor", code=ExitCode.NOT_LOGGED_IN
        )
        for _ in range(_CODE_TRIES):
            form = self._get(path).find_form("code")
            if form is None:
                return path
            code = ask_code()
            if code is None:
                break
            form.fields["code"] = code.strip()
            try:
                return self._send(form, refused="The code was refused")
            except _Refused as error:
                refusal = error
                if is_conversation():  # else the question would just come again
                    say(error.message)
        raise refusal

    def _log_out(self) -> None:
        """End the session. One that can't be ended now ends by itself,
        and nobody holds its cookie."""
        if not self._is_logged_in or not self._login_path:
            return
        try:
            page = self._get(urljoin(self._login_path, "../logout/"))
            forms = [form for form in page.forms if "csrfmiddlewaretoken" in form.fields]
            if forms:
                self._send(forms[0], refused="The log-out was refused")
        except CommandFailed:
            return

    def _call(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        token = next(
            (
                cookie.value or ""
                for cookie in self._http.cookies.jar
                if cookie.name.endswith("csrftoken")
            ),
            "",
        )
        answer = self._ask(
            method, path, headers={"Accept": "application/json", "X-CSRFToken": token}, **request
        )
        try:
            body = json.loads(answer.content or b"{}")
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise self._not_a_gatehouse(
                f"it answers {answer.status_code} to a request for keys, and no JSON"
            )
        if answer.status_code >= 400:
            raise _problem(answer.status_code, body)
        return body

    def _get(self, path: str) -> Page:
        answer = self._ask("GET", path)
        if answer.status_code != 200:
            raise self._not_a_gatehouse(f"{path} answers {answer.status_code}")
        return Page(answer.text)

    def _ask(self, method: str, path: str, **request: Any) -> "httpx.Response":
        """Send one request to this site and no other;
        a longer page than any of its own is cut off."""
        import httpx

        url = urljoin(f"{self._origin}/", path)
        if not url.startswith(f"{self._origin}/"):  # what is sent may be a password
            raise self._not_a_gatehouse("it sends what is typed to another address")
        try:
            with self._http.stream(method, url, **request) as answer:
                body = b""
                for chunk in answer.iter_bytes():
                    body += chunk
                    if len(body) > _MAX_BYTES:
                        raise self._not_a_gatehouse("its page is too long")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason = str(error) or type(error).__name__
            raise CommandFailed(
                f"{self.address} can't be reached: {reason}", code=ExitCode.UNAVAILABLE
            ) from error
        headers = [
            (name, value)
            for name, value in answer.headers.items()
            if name not in ("content-encoding", "content-length")
        ]
        done = httpx.Response(
            answer.status_code, headers=headers, content=body, request=answer.request
        )
        if done.status_code == 503:
            raise CommandFailed(
                f"{self.address} is not available just now; try again later",
                code=ExitCode.UNAVAILABLE,
            )
        return done

    def _not_a_gatehouse(self, why: str) -> CommandFailed:
        hint = (
            "; give the address without the path of a page" if urlsplit(self.address).path else ""
        )
        return CommandFailed(
            f"{self.address} does not answer as a Gatehouse: {why}{hint}", code=ExitCode.UNAVAILABLE
        )


class _Refused(CommandFailed):
    def __init__(self, message: str) -> None:
        super().__init__(message, code=ExitCode.NOT_LOGGED_IN)


def _problem(status: int, body: dict[str, Any]) -> CommandFailed:
    """Turn a problem+json (RFC 9457) into one line."""
    errors = body.get("errors")
    lines = (
        [f"{line.get('pointer', '')}: {line.get('detail', '')}" for line in errors]
        if isinstance(errors, list)
        else []
    )
    codes = {
        401: ExitCode.NOT_LOGGED_IN,
        403: ExitCode.NOT_LOGGED_IN,
        422: ExitCode.USAGE,
        429: ExitCode.UNAVAILABLE,
    }
    code = codes.get(status, ExitCode.UNAVAILABLE if status >= 500 else ExitCode.FAILED)
    return CommandFailed(
        " ".join([str(body.get("detail", f"The site answers {status}")), *lines]), code=code
    )
