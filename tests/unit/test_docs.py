"""What the documentation states as fact is compared with the code."""

import re
from pathlib import Path

import pytest

from deploy.settings_table import settings_table
from gatehouse.config import ADDRESS_VARIABLE, KEY_VARIABLE
from shared.settings import ROOT, ServerSettings, SiteSettings, WorkerSettings

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def test_settings_page_is_what_the_code_says() -> None:
    """docs/settings.md is made from the code: python -m deploy.settings_table >
    docs/settings.md."""
    assert (ROOT / "docs/settings.md").read_text() == settings_table()


def test_only_what_has_no_default_is_called_required() -> None:
    """The number of child processes has one, though it is found out on the machine."""
    rows = [line.split(" | ") for line in settings_table().splitlines() if line.startswith("| `")]
    assert {row[0] for row in rows if row[1] == "required"} == {
        "| `GATEHOUSE_SESSION_SECRETS`",
        "| `GATEHOUSE_SECRET_KEY`",
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_variables_named_in_documentation_exist(page: Path) -> None:
    """No page names a setting that is not there."""
    known = {
        f"GATEHOUSE_{name.upper()}"
        for kind in (WorkerSettings, ServerSettings, SiteSettings)
        for name in kind.model_fields
    }
    known |= {"GATEHOUSE_VAR_DIR", ADDRESS_VARIABLE, KEY_VARIABLE}
    text = page.read_text()
    assert set(re.findall(r"GATEHOUSE_[A-Z_]*[A-Z]", text)) <= known
    assert not re.findall(r"(?<![A-Z_])REDIS_URL", text)


def test_nobody_is_told_to_install_the_package_of_this_name_on_pypi() -> None:
    """It is another project's: pages, messages and the template name a checkout or a wheel;
    the README says why."""
    shipped = [
        file
        for folder in ("gatehouse", "shared", "flask_api", "django_site", "deploy", "examples")
        for file in (ROOT / folder).rglob("*")
        if file.suffix in {".py", ".md", ".txt", ".html", ".po"}
    ]
    of_that_name = r"pip install [^\n`]*(?<!/)\bgatehouse\b(?!-)|(?<!/)\bgatehouse\["
    found = [
        f"{file.relative_to(ROOT)}: {named}"
        for file in [*PAGES, *shipped]
        for named in re.findall(of_that_name, file.read_text())
    ]
    assert found == []
    assert "not on PyPI" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_somewhere(page: Path) -> None:
    """Every link to a file of this repository finds it."""
    targets = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_readmes_settings_have_the_defaults_of_the_code() -> None:
    """The README's short table agrees with the whole one."""
    rows = re.findall(
        r"^\| `[A-Z_]+` \| .* \|$", (ROOT / "README.md").read_text(), flags=re.MULTILINE
    )
    assert rows
    assert set(rows) <= set(settings_table().splitlines())


@pytest.mark.parametrize("page", ["docs/threat-model.md", "docs/reliability.md"])
def test_tests_that_a_promise_names_exist(page: str) -> None:
    """Each row of a promise names its test, and the test is there."""
    rows = [
        row
        for row in (ROOT / page).read_text().splitlines()
        if re.search(r"`(tests/)?[\w/]*test_\w+\.py`", row)
    ]
    assert len(rows) > 5
    named = {
        name if "/" in name else f"tests/chaos/{name}"
        for row in rows
        for name in re.findall(r"`([\w/]*test_\w+\.py)`", row)
    }
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []


def test_every_promise_of_the_threat_model_rests_on_a_test() -> None:
    """A promise without one is a hope."""
    table = (
        (ROOT / "docs/threat-model.md")
        .read_text()
        .partition("| promise | mechanism | test |")[2]
        .partition("\n\n")[0]
    )
    promises = table.splitlines()[2:]
    assert len(promises) > 20
    assert [row for row in promises if not re.search(r"\| `tests/[^|]+\|$", row)] == []
