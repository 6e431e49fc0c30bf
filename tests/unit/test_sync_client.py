"""The client's synchronous half is made from the asynchronous one."""

import shutil
import subprocess
import sys
from pathlib import Path

from shared.settings import ROOT

SCRIPT = Path("script/sync_client.py")


def _run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(folder / SCRIPT), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def _copy(folder: Path) -> Path:
    for each in ("script", "gatehouse"):
        shutil.copytree(ROOT / each, folder / each, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def test_synchronous_modules_are_what_the_asynchronous_ones_make() -> None:
    """They are current: otherwise run script/sync_client.py."""
    checked = _run(ROOT, "--check")
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_a_changed_asynchronous_module_makes_the_synchronous_one_stale(tmp_path: Path) -> None:
    """The check names it, and the script writes it again, with the change."""
    copy = _copy(tmp_path)
    source, target = copy / "gatehouse/async_client.py", copy / "gatehouse/client.py"
    source.write_text(source.read_text().replace("Close the connections.", "Close them all."))
    checked = _run(copy, "--check")
    assert checked.returncode == 1
    assert "gatehouse/client.py" in checked.stdout
    assert _run(copy).returncode == 0
    assert "Close them all." in target.read_text()


def test_an_asynchronous_word_without_a_rule_is_refused(tmp_path: Path) -> None:
    """Otherwise the synchronous half would be wrong without a word."""
    copy = _copy(tmp_path)
    source, target = copy / "gatehouse/async_client.py", copy / "gatehouse/client.py"
    before = target.read_text()
    source.write_text(f"{source.read_text()}\n\ndef awaitable() -> None:\n    ...\n")
    refused = _run(copy)
    assert refused.returncode != 0
    assert "no rule for awaitable" in refused.stderr
    assert target.read_text() == before
