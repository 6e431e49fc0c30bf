"""The bar chart: well-formed whatever its words are, true to its numbers."""

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from flask_api.tasks.bar_chart import Bar, bar_chart

SVG = "{http://www.w3.org/2000/svg}"
words = st.text(st.characters() | st.sampled_from("<>&'\"]\x00\ud800\ufffe"), max_size=40)


@given(
    words,
    st.lists(
        st.builds(Bar, label=words, value=st.floats(0, 1e18), note=words, is_rest=st.booleans()),
        max_size=5,
    ),
)
def test_any_words_give_well_formed_xml(title: str, bars: list[Bar]) -> None:
    """Text that XML can't hold is replaced, all else is escaped; one bar for each."""
    root = ElementTree.fromstring(bar_chart(title, bars).encode())
    assert len(
        [rect for rect in root.iter(f"{SVG}rect") if rect.get("class") in ("bar", "rest")]
    ) == len(bars)
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        "svg",
        "title",
        "desc",
        "style",
        "rect",
        "text",
    }


def test_bars_are_as_long_as_their_values() -> None:
    """The longest fills the width; one that is next to nothing is still seen."""
    chart = bar_chart(
        "x", [Bar(label="a", value=8), Bar(label="b", value=4), Bar(label="c", value=0)]
    )
    widths = [
        float(rect.get("width", "")) for rect in ElementTree.fromstring(chart).iter(f"{SVG}rect")
    ][1:]
    assert widths == [430.0, 215.0, 1.0]


def test_long_label_is_cut_and_whole_in_the_description() -> None:
    """Nothing runs out of the picture; who can't see it reads it all."""
    chart = bar_chart("x", [Bar(label="y" * 60, value=1, note="100 %")])
    assert f"{'y' * 24}…<" in chart
    assert f"{'y' * 60}: 100 %" in chart
