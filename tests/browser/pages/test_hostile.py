"""What other people wrote is text, wherever it is shown."""

from collections.abc import Callable

from tests.browser.form_tasks import HOSTILE
from tests.browser.pages.person import Person

SHOWN = "⟨ESC⟩[31mred⟨ESC⟩[0m ⟨U+202E⟩gnp.exe"


def test_hostile_strings_are_text_everywhere(person: Callable[..., Person]) -> None:
    """In arguments, progress, log, table, error and list: no markup, no script, no hidden sign."""
    ada = person()
    body = {"task": "forms.hostile", "arguments": {"text": HOSTILE}}
    made = ada.session.http.post("/api/jobs", json=body, params={"wait": "5"}).json()
    ada.go(f"/jobs/{made['id']}/")
    for selector in ("#live-log", ".table thead", ".table tbody"):
        assert SHOWN in ada.text(selector), selector
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


def test_hostile_words_of_a_running_job_are_text(person: Callable[..., Person]) -> None:
    """Those that come as events, too, which a script shows."""
    ada = person()
    ada.go("/tasks/")
    said = ada.browser.execute_async_script(
        """
        const done = arguments[1];
        import(new URL("/static/gatehouse/live.js", location.href)).then(({ visible }) => done(visible(arguments[0])));
        """.replace("arguments[0]", "text").replace(
            "const done = arguments[1];", "const [text, done] = arguments;"
        ),
        HOSTILE,
    )
    assert said.endswith(SHOWN)
