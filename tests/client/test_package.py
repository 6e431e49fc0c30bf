"""The client is a package of its own: built alone, installed alone, quick to import."""

import shutil
import subprocess
import sys
import time
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
SERVER_SIDE = ("django", "flask", "redis", "pydantic", "werkzeug", "shared", "flask_api", "django_site", "structlog")
IMPORT_S = 0.15

# Imports every module of the installed client where nothing of the service can be imported.
PROGRAM = f"""
import importlib, pkgutil, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {SERVER_SIDE!r}:
            raise ImportError(name)

sys.meta_path.insert(0, Refuse())
sys.path.insert(0, sys.argv[1])
import gatehouse
assert gatehouse.__file__.startswith(sys.argv[1]), gatehouse.__file__
for module in pkgutil.walk_packages(gatehouse.__path__, "gatehouse."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
for name in gatehouse.__all__:
    assert getattr(gatehouse, name).__name__ == name
print(len(gatehouse.__all__))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The distribution, built from a copy: building leaves nothing in the checkout."""
    copy = tmp_path_factory.mktemp("build")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    shutil.copytree(ROOT / "gatehouse", copy / "gatehouse", ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel"], cwd=copy, check=True, capture_output=True)
    return next((copy / "dist").glob("*.whl"))


def test_wheel_holds_the_client_and_nothing_else(wheel: Path) -> None:
    """With its types, without the service."""
    with ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"gatehouse"}
    assert "gatehouse/py.typed" in names


def test_installed_client_needs_nothing_of_the_service(wheel: Path, tmp_path: Path) -> None:
    """Every module is imported where Django, Flask and Redis can't be."""
    with ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 20


def test_import_is_quick_and_starts_nothing() -> None:
    """The best of five, beyond an interpreter that does nothing: what is named is loaded when it is used."""
    program = "import threading, gatehouse; assert threading.active_count() == 1"
    assert min(_run(program) for _ in range(5)) - min(_run("pass") for _ in range(5)) < IMPORT_S
    assert min(_run("import gatehouse; gatehouse.Client; gatehouse.Executor") for _ in range(3)) < 10 * IMPORT_S


def test_unknown_name_is_an_attribute_error() -> None:
    """As of any module."""
    import gatehouse

    with pytest.raises(AttributeError, match="no attribute 'Clinet'"):
        _ = gatehouse.Clinet  # type: ignore[attr-defined]
    assert set(gatehouse.__all__) <= set(dir(gatehouse))


def _run(program: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
    return time.perf_counter() - started
