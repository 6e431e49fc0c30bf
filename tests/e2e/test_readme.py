"""The README's transcript is run as pasted, against the server that the README starts."""

import os
import re
import subprocess
from pathlib import Path

from shared.settings import ROOT
from tests.e2e.launching import launched


def transcript(readme: Path) -> list[tuple[str, str]]:
    """Return (command, what it prints) for every line after a ``$`` in the README's console
    block."""
    block = re.search(r"```console\n(.*?)```", readme.read_text(), flags=re.DOTALL)
    assert block
    steps = re.split(r"^\$ ", block.group(1), flags=re.MULTILINE)[1:]
    return [(command, output) for command, _, output in (step.partition("\n") for step in steps)]


def test_transcript_prints_what_it_shows(tmp_path: Path) -> None:
    """Every command of the README's console block gives the output written under it, in one shell,
    in order."""
    var = tmp_path / "var"
    with launched(var) as launch:
        port = launch.address.rpartition(":")[2]
        for_this_run = [
            (command.replace(":8080", f":{port}"), output)
            for command, output in transcript(ROOT / "README.md")
        ]
        script = "\n".join(f"{command}\necho ---" for command, _ in for_this_run)
        clean = {"PATH": os.environ["PATH"]}
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=tmp_path,
            env=clean,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.stdout.split("---\n")[:-1] == [output for _, output in for_this_run], done.stderr
