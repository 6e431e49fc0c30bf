"""examples/own_service as its README says: its own tests,
and the service beside a real site and API."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from shared.settings import ROOT
from tests.e2e.launching import launched
from tests.e2e.prepared import clean_environment
from tests.e2e.service import ServiceProcess
from tests.e2e.test_readme import transcript
from tests.plain_http import NO_TLS
from tests.ports import free_port
from tests.waiting import wait_until

EXAMPLE = ROOT / "examples" / "own_service"
README = EXAMPLE / "README.md"
TASKS = "bookshop_tasks"


def commands() -> list[list[str]]:
    """Return the two commands of the README that start something, as words."""
    block = re.search(r"```sh\n(.*?)```", README.read_text(), flags=re.DOTALL)
    assert block
    return [shlex.split(line) for line in block.group(1).splitlines()]


@contextmanager
def bookshop(folder: Path, **environment: str) -> Iterator[str]:
    """The service in a process of its own, started as the README says; yields its address."""
    variable, _, *arguments = commands()[1]
    port = str(free_port())
    arguments = [port if word == "8081" else word for word in arguments]
    name, _, paths = variable.partition("=")
    with (folder / "bookshop.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={**environment, name: paths},
            stdout=log,
            stderr=log,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until(
            lambda: process.poll() is not None or _answers(address),
            timeout_s=20,
            what="the bookshop answers",
        )
        assert process.poll() is None, (folder / "bookshop.log").read_text()
        yield address
    finally:
        process.terminate()
        process.wait(10)


def _answers(address: str) -> bool:
    try:
        return httpx.get(address, timeout=1, trust_env=False, verify=NO_TLS).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """Our site and API with the bookshop's tasks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(EXAMPLE))
        made = ServiceProcess(tmp_path_factory.mktemp("service"), task_modules=TASKS)
    with made as running:
        yield running


def test_readme_does_what_it_shows(tmp_path: Path) -> None:
    """Both commands, then the console block as pasted:
    a log-in at the site opens the bookshop, and its task runs."""
    first, _ = commands()
    environment = dict(word.split("=", 1) for word in first[:-1])
    assert first[-1] == "script/server"
    with launched(tmp_path / "var", **environment) as launch:
        clean = {**clean_environment(tmp_path), "GATEHOUSE_VAR_DIR": str(tmp_path / "var")}
        for secret in ("GATEHOUSE_SESSION_SECRETS", "GATEHOUSE_SECRET_KEY"):
            del clean[secret]  # it finds the launcher's in the folder
        with bookshop(tmp_path, **clean) as shop:
            ports = {
                ":8080": f":{launch.address.rpartition(':')[2]}",
                ":8081": f":{shop.rpartition(':')[2]}",
            }
            steps = transcript(README)
            script = "\n".join(f"{command}\necho ---" for command, _ in steps)
            for written, used in ports.items():
                script = script.replace(written, used)
            done = subprocess.run(
                ["bash", "-c", script],
                cwd=tmp_path,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
    assert done.stdout.split("---\n")[:-1] == [output for _, output in steps], done.stderr


def test_person_of_the_site_is_known_to_the_bookshop_until_they_go(
    service: ServiceProcess, tmp_path: Path
) -> None:
    """A session and a key open it; a superuser reads the orders;
    who logs out is refused by the very next request."""
    environment = {
        **clean_environment(tmp_path),
        "GATEHOUSE_SESSION_SECRETS": ",".join(service.session_secrets),
        "GATEHOUSE_API_REDIS_URL": service.valkey.url("api"),
    }
    person = service.new_browser()
    person.log_in()
    with (
        bookshop(tmp_path, **environment) as address,
        httpx.Client(base_url=address, trust_env=False) as shop,
    ):
        page = shop.get("/me", headers={"Accept": "text/html"})
        assert (page.status_code, page.headers["Location"].partition("?")[0]) == (
            302,
            "/accounts/login/",
        )
        shop.cookies.set("sessionid", person.cookie)
        assert shop.get("/me").json() == {"username": "demo"}
        assert shop.get("/orders").json()["code"] == "permission_denied"
        service.run("-c", _PROMOTE)
        assert shop.get("/orders").status_code == 200
        person.log_out()
        assert shop.get("/me").status_code == 401


_PROMOTE = """
import django; django.setup()
from django_site.accounts.models import User
person = User.objects.get(username="demo"); person.is_superuser = True; person.save()
"""


def test_own_tasks_are_offered_and_run_on_processes(service: ServiceProcess) -> None:
    """The module is found by the server and by its children;
    no task of ours is there, because none was listed."""
    person = service.new_browser()
    person.log_in()
    names = [task["name"] for task in person.http.get("/api/tasks").json()["tasks"]]
    assert names == ["bookshop.check_isbns", "bookshop.import_stock"]
    same_origin = {"Origin": service.address}
    file = person.http.post(
        "/api/files?name=stock.csv", content=b"9780306406157,2\n", headers=same_origin
    ).json()
    body = {"task": "bookshop.import_stock", "arguments": {"file": file["id"]}}
    job = person.http.post("/api/jobs?wait=20", json=body, headers=same_origin).json()
    assert (job["status"], job["executor"], job["result"]["copies"]) == (
        "succeeded",
        "processes",
        2,
    )


def test_examples_own_tests_pass() -> None:
    """With the kit, as somebody else runs them: in a process with no setting of ours."""
    command = next(
        line
        for line in README.read_text().split("`")
        if line.startswith(".venv/bin/python -m pytest")
    )
    arguments = [*shlex.split(command)[1:], "-q", "-p", "no:cacheprovider"]
    environment = {
        name: value
        for name, value in clean_environment(ROOT).items()
        if not name.startswith("GATEHOUSE_")
    }
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 passed" in done.stdout
