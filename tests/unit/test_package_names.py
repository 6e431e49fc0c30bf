"""Two packages of one name on Python's path: the error names both."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from shared.settings import ROOT


def _package(folder: Path, name: str, **modules: str) -> Path:
    package = folder / name
    package.mkdir(parents=True)
    for module, text in {"__init__": "", **modules}.items():
        (package / f"{module}.py").write_text(text)
    return package


def _run(program: str, *path: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": ":".join(str(entry) for entry in path)}
    return subprocess.run(
        [sys.executable, "-P", "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "importer",
    ["flask_api.gate", "flask_api.jobs", "django_site.sessions.engine", "deploy.launcher"],
)
def test_their_package_found_first_is_named_with_ours(tmp_path: Path, importer: str) -> None:
    """A site's own ``shared`` hides ours: one line with both paths,
    not 'no module named shared.errors'."""
    theirs = _package(tmp_path, "shared", models="")
    done = _run(f"import {importer}", tmp_path, ROOT)
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("ImportError: ")
    assert str(theirs) in line
    assert str(ROOT / "shared") in line


def test_their_module_file_found_first_is_named(tmp_path: Path) -> None:
    """A single file of that name hides ours as well."""
    theirs = tmp_path / "shared.py"
    theirs.write_text("")
    assert str(theirs) in _run("import flask_api", tmp_path, ROOT).stderr.strip().splitlines()[-1]


@pytest.mark.parametrize("statement", ["import shared.models", "from shared.models import Thing"])
def test_our_package_found_first_names_theirs(tmp_path: Path, statement: str) -> None:
    """Ours hides a site's own: what they look for is there, only second."""
    theirs = _package(tmp_path, "shared", models="class Thing: pass")
    done = _run(f"import flask_api\n{statement}", ROOT, tmp_path)
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("ModuleNotFoundError: No module named 'shared.models'")
    assert str(theirs) in line
    assert str(ROOT / "shared") in line


def test_missing_module_that_nobody_has_is_pythons_own_error(tmp_path: Path) -> None:
    """A misspelt import is what it always was."""
    _package(tmp_path, "shared", models="")
    done = _run("import flask_api, shared.setings", ROOT, tmp_path)
    assert (
        done.stderr.strip().splitlines()[-1]
        == "ModuleNotFoundError: No module named 'shared.setings'"
    )


def test_command_shows_what_is_hidden(tmp_path: Path) -> None:
    """``python -m gatehouse.package_names`` names every place, and fails when one hides another."""
    theirs = _package(tmp_path, "deploy")
    program = "import runpy; runpy.run_module('gatehouse.package_names', run_name='__main__')"
    clean, clashing = _run(program, ROOT), _run(program, ROOT, tmp_path)
    assert (clean.returncode, clashing.returncode) == (0, 1)
    assert f"shared: {ROOT / 'shared'}" in clean.stdout
    assert f"deploy: hides {theirs}" in clashing.stdout
