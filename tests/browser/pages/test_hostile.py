"""What other people wrote is text, wherever it is shown."""

from collections.abc import Callable

from django_site.work.shown import visible
from tests.browser.form_tasks import HOSTILE
from tests.browser.pages.person import Person

# Every sign up to the last that hides, but halves of others.
ALL = "".join(chr(code) for code in range(0x10000) if not 0xD800 <= code < 0xE000)
SHOWN = "⟨ESC⟩[31mred⟨ESC⟩[0m ⟨U+202E⟩gnp.exe"


def test_hostile_strings_are_text_everywhere(person: Callable[..., Person]) -> None:
    """In arguments, progress, log, table, error and list: no markup, no script, no hidden sign."""
    ada = person()
    body = {"task": "forms.hostile", "arguments": {"text": HOSTILE}}
    made = ada.session.http.post("/api/jobs", json=body, params={"wait": "5"}).json()
    ada.go(f"/jobs/{made['id']}/")
    for selector in (".table thead", ".table tbody"):
        assert SHOWN in ada.text(selector), selector
    assert "red ⟨U+202E⟩gnp.exe" in ada.text("#live-log"), "there, the colour is one"
    assert "<script>alert(2)</script>" in ada.text(".table tbody")
    body = {"task": "forms.refuse", "arguments": {"text": HOSTILE}}
    failed = ada.session.http.post("/api/jobs", json=body, params={"wait": "5"}).json()
    ada.go(f"/jobs/{failed['id']}/")
    assert SHOWN in ada.text("#error")
    ada.go("/jobs/")
    assert "<img src=x onerror=" in ada.text(f"#row-{made['id']}")
    assert "<img src=x onerror=" in ada.text(f"#row-{failed['id']} .wrong")
    ada.go(f"/tasks/forms.refuse/?from={failed['id']}")
    assert "<script>alert(2)</script>" in (ada.find("#f-text").get_attribute("value") or "")
    assert ada.count("main img, main script") == 0
    assert _shown_by_scripts(ada, ALL) == visible(ALL)


def _shown_by_scripts(person: Person, text: str) -> str:
    """Return what the script makes of a text that comes as an event."""
    script = """
    const [text, done] = arguments;
    import(new URL("/static/gatehouse/live.js", location.href)).then((live) => done(live.visible(text)));
    """
    shown: str = person.browser.execute_async_script(script, text)
    return shown


def test_chart_is_drawn_by_the_server_and_a_hostile_one_does_nothing(
    person: Callable[..., Person],
) -> None:
    """With scripts off; its numbers stand below it; what is no chart of ours is shown as data."""
    ada = person(with_scripts=False)
    body = {"task": "forms.chart", "arguments": {"text": HOSTILE[:110]}}
    made = ada.session.http.post("/api/jobs", json=body, params={"wait": "5"}).json()
    ada.go(f"/jobs/{made['id']}/")
    assert ada.count("svg.chart[role=img][aria-label]") == 4
    assert ada.count("svg.chart :is(script, image, a, style, foreignObject, use)") == 0
    assert "https://evil.example/" in ada.text("#live-made")
    ada.find("#result-0 summary").click()
    assert "1,200" in ada.text("#result-0 table")
