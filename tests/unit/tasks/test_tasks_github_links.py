"""The Link header (RFC 8288): written in every way that it may be, and read back;
in linear time."""

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_api.tasks.github.link_header import HeaderLink, LinkHeaderError, parse_links, target_of

A = "https://a.test/?page=2"


@pytest.mark.parametrize(
    ("header", "target"),
    [
        (f'<{A}>; rel="next"', A),
        (f'<{A}>; rel="next last"', A),
        (f'<{A}>; REL="NEXT"', A),
        (f"<{A}>;rel=next", A),
        (f"<{A}> ; title=\"a, <b>; rel=prev\" ; Rel = 'x' , </y>;rel=Next;", "/y"),
        (f'</x>; rel="prev"; rel="next", <{A}>; rel="a\tnext"', A),
        (f'<{A}>; rel="next"; anchor="#x"', None),
        (f'<{A}>; rel="next-archive"', None),
        (f'<{A}>; rev="next"', None),
        (f'<{A}>; title="x\\"; rel=\\"next"', None),
        (f'<{A}>; rel="\\n\\e\\xt"', A),
        (f", ,<{A},;>;rel=next,,", f"{A},;"),
        (f"<{A}>; rel", None),
        ("<>; rel=next", ""),
        ("", None),
    ],
)
def test_next_page_is_found_however_it_is_written(header: str, target: str | None) -> None:
    """Case, quotes, blanks, several relations, and words in other parameters that look like one."""
    assert target_of(header, "next") == target


@pytest.mark.parametrize(
    "header", ["x", "<a", '<a>; rel="next', "<a> x", '<a>; rel="a" b', ";,<,>"]
)
def test_header_that_can_not_be_read_is_an_error(header: str) -> None:
    """A list that may go on is never called complete."""
    with pytest.raises(LinkHeaderError):
        target_of(header, "nothing")


NAMES = st.text("abcDEF-*", min_size=1, max_size=8)
VALUES = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=12)
LINKS = st.tuples(
    st.text(st.characters(codec="latin-1", exclude_characters=">"), max_size=20),
    st.lists(st.tuples(NAMES, VALUES)),
)
BLANK = st.sampled_from(["", " ", "\t "])


@given(st.lists(LINKS, max_size=4), st.data())
def test_links_that_were_written_are_read_back(
    links: list[tuple[str, list[tuple[str, str]]]], data: st.DataObject
) -> None:
    """Targets and parameters, with blanks wherever they may be."""

    def written(name: str, value: str) -> str:
        first, second, third = (data.draw(BLANK) for _ in range(3))
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'{first};{second}{name}{third}={first}"{escaped}"{second}'

    header = ",".join(
        f"<{target}>" + "".join(written(*each) for each in parameters)
        for target, parameters in links
    )
    meant = [
        HeaderLink(
            target.strip(),
            {
                name.lower(): value
                for name, value in reversed([(n.lower(), v) for n, v in parameters])
            },
        )
        for target, parameters in links
    ]
    assert parse_links(header) == meant


@given(st.text(max_size=60))
def test_any_text_is_links_or_an_error(header: str) -> None:
    """Nothing else comes out."""
    with contextlib.suppress(LinkHeaderError):
        parse_links(header)


@pytest.mark.parametrize(
    "piece", ["<", ">", "<>,", '"', "\\", '<>;a="', "<a>;", "; ", " ", ",", "<>;a=b", "<>;a "]
)
def test_long_header_is_read_in_linear_time(piece: str) -> None:
    """Four times the text takes about four times as long."""

    def seconds(length: int) -> float:
        header = '<a>; b="' * (piece == "\\") + piece * (length // len(piece))
        began = time.process_time()
        with contextlib.suppress(LinkHeaderError):
            parse_links(header)
        return time.process_time() - began

    assert (
        min(seconds(100_000) for _ in range(3)) < 8 * min(seconds(25_000) for _ in range(3)) + 0.05
    )
