"""One document of the web, fetched whole, and the URLs in it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from selectolax.lexbor import LexborHTMLParser, LexborNode

from flask_api.tasks.web.errors import BadStatus, NotReadable
from flask_api.tasks.web.fetching.access import GuardedClient
from flask_api.tasks.web.fetching.urls import absolute_url
from flask_api.tasks.web.items import Limits
from flask_api.tasks.web.text import decode

_OK = range(200, 300)
_OF_PAGES = ("text/", "application/xhtml", "application/xml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document as text, and the URL that it came from after redirects."""

    url: str
    text: str
    content_type: str


def fetch_document(
    client: GuardedClient, url: str, *, limits: Limits, accept: str = "*/*"
) -> Document:
    """Fetch a document, packed on the way if its server can. Raises a WebError;
    BadStatus for any status but success."""
    with client.stream(
        url,
        timeout_s=limits.timeout_s,
        max_bytes=limits.max_bytes,
        headers={"Accept": accept},
        unpack=True,
    ) as reply:
        if reply.status not in _OK:
            raise BadStatus(f"The server answered {reply.status}.")
        content_type = reply.headers.get("Content-Type", "")
        body = b"".join(reply.iter_body())
    return Document(
        url=reply.url, text=decode(body, content_type=content_type), content_type=content_type
    )


class HtmlPage:
    """An HTML page that can be asked for its elements.

    Raises NotReadable for what calls itself something else, an image for example; what says nothing
    is read as a page. A page made to harm takes the parser quadratic time (a million nested
    elements): for child processes, which can be killed.
    """

    def __init__(self, document: Document) -> None:
        said = document.content_type.partition(";")[0].strip().lower()
        if said and not said.startswith(_OF_PAGES):
            raise NotReadable(f"The document is no HTML page: its type is {said[:100]}.")
        self._tree = LexborHTMLParser(document.text)
        self._url = document.url

    @cached_property
    def base(self) -> str:
        """The URL that relative ones start from:
        the page's, or what its first ``<base href>`` says."""
        found = self._tree.css_first("base[href]")
        said = (found.attributes.get("href") or "") if found else ""
        return absolute_url(self._url, said) or self._url

    def elements(self, selector: str) -> Iterator["Element"]:
        """Give the elements that a CSS selector finds, in the order of the document."""
        for node in self._tree.css(selector):
            attributes = {name: value or "" for name, value in node.attributes.items()}
            words = " ".join(node.text().split()) or _alternatives(node)
            yield Element(attributes=attributes, text=words)

    def url(self, written: str) -> str | None:
        """Return a URL of the page as an absolute one; None if it is none that can be fetched."""
        return absolute_url(self.base, written)


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """One element of a page: its attributes, and its text with single blanks,
    or else the ``alt`` of pictures in it."""

    attributes: dict[str, str]
    text: str


def _alternatives(node: LexborNode) -> str:
    """Return the words that stand for the pictures in an element."""
    said = [picture.attributes.get("alt") or "" for picture in node.css("img[alt]")]
    return " ".join(" ".join(said).split())
