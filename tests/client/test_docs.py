"""The examples of docs/scripts.md run as they stand, against the real service."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.service import ServiceProcess

PAGE = (Path(__file__).parents[2] / "docs/scripts.md").read_text()
PYTHON = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
CURL = next(
    block for block in re.findall(r"```sh\n(.*?)```", PAGE, flags=re.DOTALL) if "curl" in block
)


@pytest.mark.parametrize("program", PYTHON, ids=["requests", "client", "executor"])
def test_python_example_runs(
    service: ServiceProcess, key: str, tmp_path: Path, program: str
) -> None:
    """It ends well and prints something."""
    (tmp_path / "access.log").write_text(
        '127.0.0.1 - - [20/Nov/2026:09:30:00 +0000] "GET / HTTP/1.1" 200 5\n'
    )
    done = _run([sys.executable, "-c", program], service, key, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_curl_example_runs(service: ServiceProcess, key: str, tmp_path: Path) -> None:
    """The record of a job that has ended."""
    done = _run(["bash", "-c", CURL], service, key, tmp_path)
    assert '"result":454396537' in done.stdout.replace(" ", "")


def _run(
    command: list[str], service: ServiceProcess, key: str, folder: Path
) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).parents[2]
    access = {"GATEHOUSE_URL": service.address, "GATEHOUSE_KEY": key, "PYTHONPATH": str(root)}
    environment = {**os.environ, **access}
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
