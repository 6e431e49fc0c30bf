"""Requests to the Django site as a browser sends them: to this one origin, with its cookies."""

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gatehouse.cli.exit_codes import CommandFailed, ExitCode
from gatehouse.cli.site.addresses import joined, service_address
from gatehouse.cli.site.pages import Form, SitePage
from gatehouse.transport.certificates import trust_for
from gatehouse.transport.proxies import proxy_for

if TYPE_CHECKING:
    import httpx

TIMEOUT_S = 15.0
_MAX_BYTES = 1_000_000


class FormRefused(CommandFailed):
    """The site didn't take a form; the message is in the site's own words."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code=ExitCode.NOT_LOGGED_IN)


class SiteBrowser:
    """The cookies and connections of one visit to the site. Not thread-safe; close it."""

    def __init__(self, address: str) -> None:
        import httpx

        self.address = service_address(address)
        parts = urlsplit(self.address)
        self.origin, self.mount = f"{parts.scheme}://{parts.netloc}", parts.path
        headers = {
            "Origin": self.origin,
            "Referer": f"{self.address}/",
            "User-Agent": "gatehouse-command",
        }
        self._http = httpx.Client(
            timeout=TIMEOUT_S,
            headers=headers,
            verify=trust_for(self.address),
            trust_env=False,
            proxy=proxy_for(self.address),
        )

    @property
    def csrf_token(self) -> str:
        """The token against cross-site requests that the site set as a cookie, empty before."""
        cookies = self._http.cookies.jar
        return next((each.value or "" for each in cookies if each.name.endswith("csrftoken")), "")

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def request(self, method: str, path: str, **request: Any) -> "httpx.Response":
        """Send one request to this site and no other. Raises CommandFailed for a page that is
        longer than any of the site's and for 503, Unavailable when there is no answer, and
        ConfigurationError for a certificate that is not trusted."""
        import httpx

        from gatehouse.transport.httpx_adapter import FAILURES, failure_of

        url = joined(f"{self.origin}/", path)
        if not url.startswith(f"{self.origin}/"):  # what is sent may be a password
            raise self.not_a_gatehouse("it sends what is typed to another address")
        try:
            with self._http.stream(method, url, **request) as answer:
                body = b""
                for chunk in answer.iter_bytes():
                    body += chunk
                    if len(body) > _MAX_BYTES:
                        raise self.not_a_gatehouse("its page is too long")
        except FAILURES as error:
            raise failure_of(error, self.address) from error
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

    def get_page(self, path: str) -> SitePage:
        """Return the page at a path of the site. Raises CommandFailed for any other answer."""
        answer = self.request("GET", path)
        if answer.status_code != 200:
            raise self.not_a_gatehouse(f"{path} answers {answer.status_code}")
        return SitePage(answer.text)

    def submit(self, form: Form, *, page: str, refused: str) -> str:
        """Send the form of a page and return the path that it leads to.
        Raises FormRefused, which begins with ``refused``, or another CommandFailed."""
        answer = self.request("POST", form.action or page, data=form.fields)
        if answer.status_code == 429:
            wait_s = answer.headers.get("Retry-After", "60")
            raise CommandFailed(
                f"{refused}: too many tries; wait {wait_s[:10]} s", code=ExitCode.NOT_LOGGED_IN
            )
        if answer.status_code == 302:
            return urlsplit(joined(self.origin, answer.headers.get("Location", ""))).path
        complaints = (
            SitePage(answer.text).complaints
            if answer.status_code == 200
            else [f"the site answers {answer.status_code}"]
        )
        raise FormRefused(f"{refused}: {' '.join(complaints) or 'the site does not say why'}")

    def not_a_gatehouse(self, why: str) -> CommandFailed:
        """Return the error for an answer that the site of a Gatehouse would not give."""
        hint = "; give the address without the path of a page" if self.mount else ""
        return CommandFailed(
            f"{self.address} does not answer as a Gatehouse: {why}{hint}", code=ExitCode.UNAVAILABLE
        )
