"""The wheel: what is in it, and that each extra brings what its part needs and little else."""

import json
import resource
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import httpx
import pytest

from shared.settings import ROOT
from shared.version import VERSION
from tests.e2e.launching import Launch, paste, serving
from tests.package.environment import Environment, modules_of, requirements, tracked_files
from tests.ports import free_port

PACKAGES = ("gatehouse", "shared", "flask_api", "django_site", "deploy")
GATE_PACKAGES = 15
IMPORT_S = 0.15

IMPORT_ALL = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
"""

GATED = """
import sys
from flask import Flask
from flask_api.gate import Gatehouse, current_principal, login_required
assert not {"pydantic", "redis"} & set(sys.modules), "they take longer to import than Flask itself"
from shared.settings import ApiSettings
app = Flask("service")
Gatehouse(app, settings=ApiSettings(session_secrets=("s" * 32,)))
app.get("/me")(login_required(lambda: current_principal().username))
answer = app.test_client().get("/me")
assert answer.status_code == 401, answer.text
assert answer.get_json()["code"] == "not_authenticated"
"""

SITE = """
import django
from django.conf import settings
settings.configure(
    SECRET_KEY="k" * 50,
    SESSION_ENGINE="django_site.sessions.engine",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    MIDDLEWARE=["allauth.account.middleware.AccountMiddleware"],
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.messages", "allauth",
                    "allauth.account", "django_site.principals", "django_site.sessions", "django_site.keys"],
)
django.setup()
from django.core.management import call_command
from django_site.sessions.engine import SessionStore
from django_site.principals.middleware import PrincipalMiddleware
call_command("migrate", verbosity=0)
"""

WORKER = """
import sys
import flask_api.jobs.engine, flask_api.jobs.workers.child
from flask_api.jobs.tasks.registry import load_tasks
assert len(list(load_tasks(["flask_api.tasks.library"]))) > 5
assert not {"flask", "django"} & set(sys.modules)
"""

BESIDE = """
import secrets
from flask_api.jobs import task

@task("beside.where", executor="processes")
def where() -> str:
    \"""Tell where this is.\"""
    assert secrets.token_hex
    return __file__
"""


def test_wheel_holds_all_of_the_service_and_nothing_else(wheel: Path) -> None:
    """Every file of the packages that git knows, templates, scripts and styles too;
    the types of each."""
    with ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == {*tracked_files(*PACKAGES), "wsgi.py", "deploy/gunicorn.conf.py"}
    assert {f"{package}/py.typed" for package in PACKAGES} <= names


def test_installed_command_says_the_one_version(
    wheel: Path, client_environment: Environment, tmp_path: Path
) -> None:
    """It is written in shared/version.py alone."""
    assert (
        client_environment.run_command("gatehouse", "--version", cwd=tmp_path)
        == f"gatehouse, version {VERSION}\n"
    )
    assert f"-{VERSION}-" in wheel.name


def test_client_alone_needs_nothing_of_the_service(
    wheel: Path, client_environment: Environment, tmp_path: Path
) -> None:
    """Every module of it is imported where neither Django, Flask, Redis nor pydantic is."""
    client = client_environment
    client.run("-c", IMPORT_ALL, *modules_of(wheel, "gatehouse"), cwd=tmp_path)
    needed = requirements(wheel)
    assert not {"django", "flask", "redis", "pydantic"} & set(needed)
    client.run(
        "-c",
        "import gatehouse; [getattr(gatehouse, name) for name in gatehouse.__all__]",
        cwd=tmp_path,
    )


def test_gate_brings_few_packages_and_gates(wheel: Path, tmp_path: Path) -> None:
    """Beyond the client at most fifteen, Django not among them;
    a view is refused without Redis being asked."""
    needed = set(requirements(wheel, "gate")) - set(requirements(wheel))
    assert len(needed) <= GATE_PACKAGES, sorted(needed)
    assert not any("django" in name for name in needed)
    Environment(tmp_path / "env", wheel, "gate").run("-c", GATED, cwd=tmp_path)


@pytest.mark.parametrize(("extra", "program"), [("site", SITE), ("worker", WORKER)])
def test_extra_brings_what_its_part_needs(
    wheel: Path, tmp_path: Path, extra: str, program: str
) -> None:
    """The part works where nothing else is installed."""
    Environment(tmp_path / "env", wheel, extra).run("-c", program, cwd=tmp_path)


def test_new_service_passes_its_own_tests_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    """``gatehouse new`` where the extra ``tasks`` and pytest are, in an empty folder."""
    tasks = Environment(tmp_path / "env", wheel, "tasks", also=["pytest"])
    tasks.run_command("gatehouse", "new", "hello", cwd=tmp_path)
    printed = tasks.run("-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=tmp_path / "hello")
    assert "4 passed" in printed


@pytest.fixture(scope="module")
def server_environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """What the extra ``server`` gives."""
    return Environment(tmp_path_factory.mktemp("server") / "env", wheel, "server")


def installed(environment: Environment, in_folder: Path, *options: str, **variables: str) -> Launch:
    """``gatehouse-server`` in a folder, which no variable names."""

    class InstalledLaunch(Launch):
        command = (str(environment.bin / "gatehouse-server"),)
        folder = in_folder
        names_var = False

    return InstalledLaunch(in_folder / "var", "--port", str(free_port()), *options, **variables)


def test_whole_service_runs_from_the_wheel(server_environment: Environment, tmp_path: Path) -> None:
    """In an empty folder: the site, the API and an embedded Valkey, data under var/ there,
    and a job that a log-in runs."""
    with serving(installed(server_environment, tmp_path)) as launch:
        address = launch.address
        live = httpx.get(f"{address}/api/health/live", trust_env=False).json()
        done = paste(launch.pasted_lines)
        assert f"env/bin/gatehouse login {address}" in launch.output
        assert launch.end() == 0
    assert live == {"status": "live", "version": VERSION}
    assert '"status":"succeeded"' in done.replace(" ", "")
    assert (tmp_path / "var/db.sqlite3").exists()


@pytest.mark.parametrize("path", [None, "lib"])
def test_new_service_is_served_as_its_readme_says(
    server_environment: Environment, tmp_path: Path, path: str | None
) -> None:
    """``gatehouse new`` and ``gatehouse-server`` with its task, which is found in the folder of the
    start, or in one that PYTHONPATH names from there; the banner's lines run it."""
    server_environment.run_command("gatehouse", "new", "hello", cwd=tmp_path)
    folder, named = tmp_path / "hello", {}
    readme = (folder / "README.md").read_text()
    assert "\nGATEHOUSE_TASK_MODULES=hello_tasks gatehouse-server\n" in readme
    if path:
        (folder / path).mkdir()
        (folder / "hello_tasks.py").rename(folder / path / "hello_tasks.py")
        named["PYTHONPATH"] = path
    named["GATEHOUSE_TASK_MODULES"] = "hello_tasks"
    with serving(installed(server_environment, folder, **named)) as launch:
        body = json.dumps({"task": "hello.greet", "arguments": {"name": "Ada"}})
        done = paste(
            f"{launch.pasted_lines}\ncurl -sb \"$jar\" -H 'Content-Type: application/json' "
            f"-d '{body}' '{launch.address}/api/jobs?wait=10'"
        ).splitlines()
        assert json.loads(done[1])["username"] == "demo"
        assert json.loads(done[2])["result"] == ["Hello, Ada!"]


@pytest.mark.parametrize("server", ["cherrypy", "gunicorn"])
def test_folder_of_the_start_hides_nothing_and_keeps_what_is_relative(
    server_environment: Environment, tmp_path: Path, server: str
) -> None:
    """Tasks are found there, behind Python's modules and the installed ones: a secrets.py beside
    them is nobody's but theirs. A database without a folder is there, not among the packages."""
    (tmp_path / "beside.py").write_text(BESIDE)
    for name in ("secrets", "redis", "wsgi"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('it hides another')\n")
    told = {"GATEHOUSE_TASK_MODULES": "beside", "DATABASE_URL": "sqlite:///own%20people.db"}
    with serving(installed(server_environment, tmp_path, "--server", server, **told)) as launch:
        body = json.dumps({"task": "beside.where"})
        done = paste(
            f"{launch.pasted_lines}\ncurl -sb \"$jar\" -H 'Content-Type: application/json' "
            f"-d '{body}' '{launch.address}/api/jobs?wait=20'"
        ).splitlines()
        assert json.loads(done[2])["result"] == str(tmp_path / "beside.py")
    assert (tmp_path / "own people.db").exists()
    assert not (tmp_path / "var/db.sqlite3").exists()


def test_import_of_the_client_is_quick_and_starts_nothing() -> None:
    """The best of five, beyond an interpreter that does nothing:
    what is named is loaded when it is used."""
    program = "import threading, gatehouse; assert threading.active_count() == 1"
    assert min(_time(program) for _ in range(5)) - min(_time("pass") for _ in range(5)) < IMPORT_S
    assert (
        min(_time("import gatehouse; gatehouse.Client; gatehouse.Executor") for _ in range(3))
        < 10 * IMPORT_S
    )


def test_unknown_name_is_an_attribute_error() -> None:
    """As of any module."""
    import gatehouse

    with pytest.raises(AttributeError, match="no attribute 'Clinet'"):
        _ = gatehouse.Clinet  # type: ignore[attr-defined]
    assert set(gatehouse.__all__) <= set(dir(gatehouse))


def _time(program: str) -> float:
    """Return the processor's time: a machine that is busy with other tests changes that least."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
