"""The catalogues of the pages' texts are complete, and what is made of them is current."""

import shutil
import subprocess
import sys
from pathlib import Path

from shared.settings import ROOT

GERMAN = Path("django_site/locale/de/LC_MESSAGES")


def _check(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(folder / "script/translations.py"), "--check"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_catalogues_have_every_text_and_their_files_are_current() -> None:
    """No text is missing, untranslated or fuzzy, and placeholders agree: otherwise translate what
    is named here in the .po file, and run script/translations.py (docs/translation.md)."""
    checked = _check(ROOT)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_check_finds_what_is_wrong_with_a_catalogue(tmp_path: Path) -> None:
    """A new text, one of a script's template, a fuzzy one, an empty plural, and a placeholder that is
    misspelt."""
    for each in ("script", "django_site"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / each, tmp_path / each, ignore=ignored)
    page = tmp_path / "django_site/templates/404.html"
    page.write_text(page.read_text().replace("There is nothing here", "A new text"))
    script = tmp_path / "django_site/static/gatehouse/pictures.js"
    script.write_text(script.read_text().replace("%(at)s of", "%(at)s among"))
    catalogue = tmp_path / GERMAN / "django.po"
    text = catalogue.read_text()
    for old, new in (
        ('msgid "Home"\n', '#, fuzzy\nmsgid "Home"\n'),
        ('msgstr[1] "API-Schlüssel wurden widerrufen"', 'msgstr[1] ""'),
        ('"Hallo, %(name)s"', '"Hallo, %(nmae)s"'),
    ):
        assert old in text
        text = text.replace(old, new)
    catalogue.write_text(text)
    said = _check(tmp_path)
    assert said.returncode == 1
    for words in (
        "'A new text' is not translated",
        "'%(at)s among %(every)s' is not translated",
        "'Home' is not translated",
        "'An API key was revoked' is not translated",
        "'Hello, %(name)s' has other placeholders",
        "django.mo is not up to date",
    ):
        assert words in said.stdout, words
