"""The Link header: where an answer leads, and how.
Read in linear time, by RFC 8288 and its appendix B.

    <https://h.test/?page=2>; rel="next last"; title="a, b", </x>; REL=first
    |- target ------------|  |- parameters ----------------|

Names of parameters and relations have no case; several relations are separated by blanks; of a
parameter given twice the first counts; a link with an ``anchor`` is about something else than the
answer.
"""

import re
from dataclasses import dataclass, field

_BLANKS = " \t"
_NAME = re.compile(r"[^ \t=;,]*")
_TOKEN = re.compile(r"[^;,]*")
_QUOTED = re.compile(r'[^"\\]*')


class LinkHeaderError(ValueError):
    """The header can't be read to its end, so a link may be missing."""


@dataclass(frozen=True, slots=True)
class HeaderLink:
    """One link. The names of ``parameters`` are in lower case;
    each has the value that it was given first."""

    target: str
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def relations(self) -> frozenset[str]:
        """How the answer is related to the target, in lower case;
        empty when the link is about something else."""
        if "anchor" in self.parameters:
            return frozenset()
        return frozenset(self.parameters.get("rel", "").lower().split())


def target_of(header: str, relation: str) -> str | None:
    """Return the first target of a relation, None if there is none. Raises LinkHeaderError."""
    return next((link.target for link in parse_links(header) if relation in link.relations), None)


def parse_links(header: str) -> list[HeaderLink]:
    """Return the links of a header, several ones joined by commas. Raises LinkHeaderError."""
    links, at = [], _skip(header, 0, ",")
    while at < len(header):
        end = header.find(">", at)
        if header[at] != "<" or end == -1:
            raise LinkHeaderError(f"no target at character {at + 1}")
        target = header[at + 1 : end].strip()
        parameters: dict[str, str] = {}
        at = _skip(header, end + 1)
        while header[at : at + 1] == ";":
            name, value, at = _parameter(header, _skip(header, at + 1))
            parameters.setdefault(name, value)
        if at < len(header) and header[at] != ",":
            raise LinkHeaderError(f"no comma or semicolon at character {at + 1}")
        links.append(HeaderLink(target, parameters))
        at = _skip(header, at, ",")
    return links


def _parameter(header: str, at: int) -> tuple[str, str, int]:
    """Return a parameter's name and value, and where what follows it begins."""
    name = _NAME.match(header, at)[0]  # type: ignore[index]  # it matches nothing, too
    at = _skip(header, at + len(name))
    value = ""
    if header[at : at + 1] == "=":
        at = _skip(header, at + 1)
        if header[at : at + 1] == '"':
            value, at = _quoted(header, at + 1)
        else:
            token = _TOKEN.match(header, at)[0]  # type: ignore[index]  # it matches nothing, too
            value, at = token.strip(_BLANKS), at + len(token)
    return name.lower(), value, _skip(header, at)


def _quoted(header: str, at: int) -> tuple[str, int]:
    """Return a quoted string without its backslashes, and where it ends."""
    pieces = []
    while True:
        piece = _QUOTED.match(header, at)[0]  # type: ignore[index]  # it matches nothing, too
        pieces.append(piece)
        at += len(piece)
        if at >= len(header):
            raise LinkHeaderError("a quoted string does not end")
        if header[at] == '"':
            return "".join(pieces), at + 1
        pieces.append(header[at + 1 : at + 2])
        at += 2


def _skip(header: str, at: int, more: str = "") -> int:
    """Return where the next character is that is no blank, and none of ``more``."""
    while at < len(header) and header[at] in _BLANKS + more:
        at += 1
    return at
