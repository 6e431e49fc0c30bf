"""An environment that holds the built wheel with some extras,
and of other packages only what those need.

The needed distributions are linked from the virtual environment of these tests:
no network, the same versions.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path
from zipfile import ZipFile

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from shared.settings import ROOT

_SITE_PACKAGES = Path(sysconfig.get_path("purelib"))


def tracked_files(*folders: str) -> list[str]:
    """Return what git tracks, or would, below these folders of the checkout."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *folders]
    listed = subprocess.run(
        command, cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    return [name for name in listed if (ROOT / name).is_file()]


def build(folder: Path) -> Path:
    """Build the distribution from a copy of the checkout, as ``python -m build`` does;
    return the wheel."""
    for name in tracked_files():
        if not name.startswith(("tests/", "benchmarks/")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder / "dist")]
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return next((folder / "dist").glob("*.whl"))


def requirements(wheel: Path, *extras: str) -> dict[str, Distribution]:
    """Return every distribution that the wheel with these extras brings besides gatehouse,
    by name."""
    with ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        lines = archive.read(name).decode().splitlines()
    own = [
        Requirement(line.partition(": ")[2]) for line in lines if line.startswith("Requires-Dist: ")
    ]
    found: dict[str, Distribution] = {}
    _collect(own, extras, found, own)
    return found


def _collect(
    wanted: Iterable[Requirement],
    extras: Iterable[str],
    found: dict[str, Distribution],
    own: list[Requirement],
) -> None:
    for requirement in wanted:
        marker = requirement.marker
        if marker is not None and not any(
            marker.evaluate({"extra": extra}) for extra in (*extras, "")
        ):
            continue
        name = canonicalize_name(requirement.name)
        if name == "gatehouse":  # an extra made of others
            _collect(own, requirement.extras, found, own)
        elif name not in found or requirement.extras:
            found[name] = distribution(name)
            _collect(map(Requirement, found[name].requires or ()), requirement.extras, found, own)


class Environment:
    """A virtual environment with the wheel in it, and what its extras need."""

    def __init__(self, folder: Path, wheel: Path, *extras: str, also: Iterable[str] = ()) -> None:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
        self.bin = folder / "bin"
        self._site_packages = next(folder.glob("lib/python*/site-packages"))
        needed = requirements(wheel, *extras)
        others = [Requirement(name) for name in also]
        _collect(others, (), needed, [])
        for each in needed.values():
            self._link(each)
        command = [
            sys.executable,
            "-m",
            "uv",
            "pip",
            "install",
            "--offline",
            "--no-deps",
            "--quiet",
            "--python",
            str(self.bin / "python"),
        ]
        subprocess.run([*command, str(wheel)], check=True)

    def _link(self, each: Distribution) -> None:
        tops = {Path(file).parts[0] for file in each.files or ()} - {"..", "__pycache__"}
        for top in tops:
            target = self._site_packages / top
            if not target.exists():
                target.symlink_to(_SITE_PACKAGES / top)

    def run(self, *arguments: str, cwd: Path, **variables: str) -> str:
        """Run this environment's Python and return what it prints;
        AssertionError with its errors when it fails."""
        return self.run_command("python", *arguments, cwd=cwd, **variables)

    def run_command(self, name: str, *arguments: str, cwd: Path, **variables: str) -> str:
        """Run a command that the environment has."""
        done = subprocess.run(
            [str(self.bin / name), *arguments],
            cwd=cwd,
            env={"PATH": f"{self.bin}:{os.environ['PATH']}", "HOME": str(cwd), **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=90,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def modules_of(wheel: Path, package: str) -> Iterator[str]:
    """Yield the names of all modules of a package in the wheel."""
    with ZipFile(wheel) as archive:
        for name in archive.namelist():
            if (
                name.startswith(f"{package}/")
                and name.endswith(".py")
                and not name.endswith("__main__.py")
            ):
                yield name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
