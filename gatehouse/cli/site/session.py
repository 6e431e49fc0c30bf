"""A person's session on the Django site, as their browser has one:
log in by the form, second factor included, and log out."""

from collections.abc import Callable
from typing import Self
from urllib.parse import urlsplit

from gatehouse.cli.exit_codes import CommandFailed, ExitCode
from gatehouse.cli.output import is_conversation, say
from gatehouse.cli.site.addresses import joined
from gatehouse.cli.site.browser import FormRefused, SiteBrowser
from gatehouse.cli.site.keys import SiteKeys
from gatehouse.errors import GatehouseError

_CODE_TRIES = 3


class SiteSession:
    """A person's session on the site for the length of a ``with`` block; leaving it logs out.
    ``keys`` are the person's. Not thread-safe."""

    def __init__(self, address: str) -> None:
        self._browser = SiteBrowser(address)
        self.address = self._browser.address
        self.keys = SiteKeys(self._browser)
        self._login_path = ""
        self._is_logged_in = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._log_out()
        finally:
            self._browser.close()

    def find_login_page(self) -> None:
        """Ask as a browser for what needs a log-in: a Gatehouse says where its log-in page is.
        Raises CommandFailed."""
        asked = f"{self.address}/api/me"
        answer = self._browser.request("GET", asked, headers={"Accept": "text/html"})
        target = joined(asked, answer.headers.get("Location", ""))
        if (
            answer.status_code == 302
            and "login_required" in target
            and not target.startswith(f"{self._browser.origin}/")
        ):
            page = target.partition("?")[0][:200]
            raise CommandFailed(
                f"The log-in page of {self.address} is elsewhere: {page}. Make a key there in a "
                "browser, then run "
                f"'gatehouse login {self.address} --key'",
                code=ExitCode.NOT_LOGGED_IN,
            )
        if answer.status_code == 403 and b'"https_required"' in answer.content:
            raise CommandFailed(
                f"{self.address} is asked over HTTPS only: give its https:// address; behind a "
                "proxy the service needs GATEHOUSE_TRUSTED_PROXY",
                code=ExitCode.USAGE,
            )
        if answer.status_code != 302 or "login_required" not in target:
            where = f" and sends to {target[:200] or 'no address'}" if answer.is_redirect else ""
            raise self._browser.not_a_gatehouse(f"it answers {answer.status_code}{where}")
        self._login_path = urlsplit(target).path

    def log_in(self, username: str, password: str, *, ask_code: Callable[[], str | None]) -> None:
        """Log in; ``ask_code`` is asked for the second factor, if there is one,
        and returns None when it has no more.

        Raises CommandFailed, which says in the site's own words why it refused.
        """
        if not self._login_path:
            self.find_login_page()
        wanted = self.keys.path
        page = self._browser.get_page(f"{self._login_path}?next={wanted}")
        form = page.find_form("login")
        if form is None or "password" not in form.fields:
            raise self._browser.not_a_gatehouse("its log-in page has no form")
        form.fields |= {"login": username, "password": password}
        target = self._browser.submit(form, page=self._login_path, refused="The log-in was refused")
        if target != wanted:
            target = self._send_code(target, ask_code)
        if target != wanted:
            url = joined(self._browser.origin, target)
            raise CommandFailed(
                f"The site wants something else first; open {url} in a browser",
                code=ExitCode.NOT_LOGGED_IN,
            )
        self._is_logged_in = True

    def _send_code(self, path: str, ask_code: Callable[[], str | None]) -> str:
        refusal = CommandFailed(
            "The site asks for the code of your second factor", code=ExitCode.NOT_LOGGED_IN
        )
        for _ in range(_CODE_TRIES):
            form = self._browser.get_page(path).find_form("code")
            if form is None:
                return path
            code = ask_code()
            if code is None:
                break
            form.fields["code"] = code.strip()
            try:
                return self._browser.submit(
                    form, page=self._login_path, refused="The code was refused"
                )
            except FormRefused as error:
                refusal = error
                if is_conversation():  # else the question would just come again
                    say(error.message)
        raise refusal

    def _log_out(self) -> None:
        """End the session. One that can't be ended now ends by itself, and nobody holds its cookie:
        what was done in it is done, and its outcome is not the log-out's."""
        if not self._is_logged_in or not self._login_path:
            return
        try:
            page = self._browser.get_page(joined(self._login_path, "../logout/"))
            forms = [form for form in page.forms if "csrfmiddlewaretoken" in form.fields]
            if forms:
                self._browser.submit(
                    forms[0], page=self._login_path, refused="The log-out was refused"
                )
        except (CommandFailed, GatehouseError):
            return
