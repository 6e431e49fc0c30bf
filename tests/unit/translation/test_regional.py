"""A language of one region is added and offered like any other."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def _run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_language_of_a_region_is_added_where_django_and_the_scripts_look(tmp_path: Path) -> None:
    """By either way of writing its code; what is no code leaves nothing."""
    site = tmp_path / "django_site"
    for folder in ("locale", "templates", "static/gatehouse/words"):
        (site / folder).mkdir(parents=True)
    shutil.copytree(ROOT / "script", tmp_path / "script")
    shutil.copy(ROOT / "django_site/templates/404.html", site / "templates")
    script = str(tmp_path / "script/translations.py")
    for code in ("pt-br", "zh_Hant"):
        added = _run(script, "--add", code)
        assert (added.returncode, added.stderr) == (0, ""), code
    assert _run(script, "--add", "no code").returncode != 0
    assert _run(script).returncode == 0
    assert {each.name for each in (site / "locale").iterdir()} == {"pt_BR", "zh_Hant"}
    assert (site / "locale/pt_BR/LC_MESSAGES/django.mo").is_file()
    words = site / "static/gatehouse/words"
    assert {each.name for each in words.iterdir()} == {"pt-br.js", "zh-hant.js"}


def test_code_without_a_name_of_its_own_is_named() -> None:
    """zh-cn is an old word of Django's for another one."""
    said = _run("-c", "import django_site.settings", GATEHOUSE_LANGUAGES="en,zh-cn")
    assert "GATEHOUSE_LANGUAGES: no language has the code 'zh-cn'" in said.stderr
