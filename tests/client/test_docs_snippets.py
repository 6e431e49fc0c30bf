"""The calls that the docs page shows are pasted and run:
curl, Python and the command, against the real service."""

import os
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import httpx
import pytest

from gatehouse import Client
from tests.client.conftest import SOON_S
from tests.e2e.service import ServiceProcess

EXAMPLE_ID = "00000000-0000-7000-8000-000000000000"
OPERATIONS = (
    "listTasks",
    "submitJob",
    "listJobs",
    "getJobResult",
    "getJobLog",
    "getPrincipal",
    "getUsage",
    "deleteJob",
)
# each starts an interpreter
COMMANDS = ("listTasks", "submitJob", "listJobs", "getJobResult", "deleteJob")
ALSO_PYTHON = ("getJob", "submitBatch", "listBatches", "uploadFile")
ALSO_CURL = (*ALSO_PYTHON, "listFiles", "getLive", "getOpenApi", "getProblem")


@pytest.fixture(scope="module")
def snippets(service: ServiceProcess, key: str) -> dict[str, dict[str, str]]:
    """What the page shows: by operation, by kind."""
    page = httpx.get(
        f"{service.address}/api/docs", headers={"Authorization": f"Bearer {key}"}, trust_env=False
    ).text
    parts = re.split(r'<details class="operation" id="(\w+)">', page)[1:]
    found = {
        name: {
            kind: unescape(text)
            for kind, text in re.findall(
                r"<pre "
                r'class="(curl|python|command)"[^>]*>(.*?)</pre>',
                part,
                re.DOTALL,
            )
        }
        for name, part in zip(parts[::2], parts[1::2], strict=True)
    }
    assert f"GATEHOUSE_URL={service.address}<" in page
    return found


@pytest.fixture
def job_id(client: Client) -> str:
    """A job that has ended."""
    job = client.submit("client.square", number=3)
    job.wait(SOON_S)
    return job.id


def run(program: list[str], text: str, folder: Path, service: ServiceProcess, key: str) -> str:
    """Run a program with this text as a person would; return what it prints."""
    (folder / "file.csv").write_text("a,b\n1,2\n")
    kept = {
        name: value
        for name, value in os.environ.items()
        if "proxy" not in name.lower() and "GATEHOUSE" not in name
    }
    known = {
        "GATEHOUSE_URL": service.address,
        "GATEHOUSE_KEY": key,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    done = subprocess.run(
        program,
        input=text,
        cwd=folder,
        env={**kept, **known},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, (text, done.stdout, done.stderr)
    return done.stdout


def test_every_operation_shows_curl_and_no_template_is_left(
    snippets: dict[str, dict[str, str]],
) -> None:
    """With the key but where the operation is open; what stands there was filled."""
    for name, shown in snippets.items():
        assert shown["curl"].startswith("curl "), name
        assert ("$GATEHOUSE_KEY" in shown["curl"]) == (
            name not in {"getLive", "getReady", "getMetrics", "getProblem", "getDocsAsset"}
        )
        assert not any(
            re.search(r"\{[?&]?\w+[=,}]", text) for text in shown.values() if name != "getDocsAsset"
        ), shown
        assert "not in it" not in "".join(shown.values()), shown
    assert sum("python" in shown for shown in snippets.values()) > 20


def test_curl_of_the_page_runs(
    snippets: dict[str, dict[str, str]],
    job_id: str,
    tmp_path: Path,
    service: ServiceProcess,
    key: str,
) -> None:
    """Each is answered with success, where the example's id is one that exists."""
    calls = [
        snippets[name]["curl"].replace(EXAMPLE_ID, job_id)
        for name in sorted({*OPERATIONS, *ALSO_CURL})
    ]
    calls = [
        call.replace("/problems/text", "/problems/not_found")
        for call in calls
        if "-X DELETE" not in call
    ]
    script = "\n".join(
        call.replace("curl ", "curl -sS --fail-with-body -o /dev/null -w '%{http_code}\n' ", 1)
        for call in calls
    )
    codes = run(["bash", "-e"], script, tmp_path, service, key).split()
    assert len(codes) == len(calls)
    assert set(codes) == {"200", "201", "202"}


def test_python_of_the_page_runs(
    snippets: dict[str, dict[str, str]],
    job_id: str,
    tmp_path: Path,
    service: ServiceProcess,
    key: str,
) -> None:
    """One after the other in one interpreter."""
    program = "\n".join(
        snippets[name]["python"].replace(EXAMPLE_ID, job_id) for name in (*ALSO_PYTHON, *OPERATIONS)
    )
    assert "\n9\n" in run([sys.executable, "-"], program, tmp_path, service, key)


def test_commands_of_the_page_run(
    snippets: dict[str, dict[str, str]],
    job_id: str,
    tmp_path: Path,
    service: ServiceProcess,
    key: str,
) -> None:
    """As pasted into a shell."""
    script = "\n".join(snippets[name]["command"].replace(EXAMPLE_ID, job_id) for name in COMMANDS)
    printed = run(["bash", "-e"], script, tmp_path, service, key)
    assert "\n9\n" in printed
    assert "client.square" in printed
