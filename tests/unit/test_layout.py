"""Promises about the layout that import-linter can't express."""

import ast
import subprocess
import sys
from collections import Counter, defaultdict
from functools import cache
from itertools import chain
from pathlib import Path

from shared.settings import ROOT

SERVICE = ("shared", "django_site", "flask_api", "deploy")
SOURCE = (*SERVICE, "gatehouse")
# By script/sync_client.py.
GENERATED = {"gatehouse/client.py", "gatehouse/handles.py", "gatehouse/transport/connection.py"}

# Django's, and what stands in every such class.
OF_FRAMEWORKS = {"Command", "Meta", "Migration"}
# The same thing, seen from the service and from the client, which is installed alone.
ON_BOTH_SIDES = {"Batch", "ConfigurationError", "Event", "GatehouseError", "Job", "Usage"}
# The client's errors are its public names; the service's are told as the type of a job's error.
ERRORS_OF_BOTH = {"BadAnswer", "JobCancelled", "JobFailed", "NotFound", "QuotaExceeded"}
# Python's own word for what submits calls, and ours for what runs attempts.
TWO_FIELDS = {"Executor"}


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def _imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def test_shared_uses_of_django_only_signing() -> None:
    """The contract runs where no Django project is set up."""
    imported = {name for path in (ROOT / "shared").rglob("*.py") for name in _imported(path)}
    assert {name for name in imported if name.split(".")[0] == "django"} == {"django.core.signing"}


def test_only_shared_settings_reads_the_environment() -> None:
    """One place decides what a variable means;
    the launcher and Django's entry points may set some for a child."""
    readers = {
        str(path.relative_to(ROOT))
        for folder in ("shared", "django_site", "flask_api")
        for path in (ROOT / folder).rglob("*.py")
        if "os.environ" in path.read_text() or "getenv" in path.read_text()
    }
    assert readers <= {
        "shared/environment.py",  # what is known before all settings
        "shared/settings/load.py",
        "django_site/app.py",
        "django_site/command.py",
    }


def test_importing_a_module_starts_nothing() -> None:
    """Importing starts no thread and opens no connection."""
    modules = [
        "flask_api.app",
        "flask_api.jobs.engine",
        "flask_api.testing",
        "django_site.sessions.engine",
        "deploy.launcher.launch",
    ]
    after_each = "assert threading.active_count() == 1, threading.enumerate()"
    program = "\n".join(
        ["import threading", *(f"import {module}; {after_each}" for module in modules)]
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, timeout=60)


def test_api_process_needs_no_django_settings() -> None:
    """The API runs in a process that never sees Django's SECRET_KEY."""
    program = (
        "from shared.settings import ApiSettings; from flask_api.app import create_app\n"
        "app = create_app(ApiSettings(session_secrets=('x' * 32,)))\n"
        "import sys; assert 'django_site' not in sys.modules; from django.conf import settings; "
        "assert not settings.configured"
    )
    subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=True, timeout=60, env={"PATH": ""}
    )


def test_no_file_and_no_function_grows_beyond_reading() -> None:
    """No file over 300 lines: source, tests and benchmarks; no function over 40 but of tests."""
    too_long = []
    for folder in (*SOURCE, "tests", "benchmarks"):
        for path in (ROOT / folder).rglob("*.py"):
            lines = path.read_text().count("\n")
            too_long += [f"{path}: {lines} lines"] if lines > 300 else []
            # The tests are most of all code: to parse them for nothing takes two seconds.
            nodes = ast.walk(_tree(path)) if folder != "tests" else ()
            too_long += [
                f"{path}:{node.name}"
                for node in nodes
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
                and (node.end_lineno or 0) - node.lineno + 1 > 40
            ]
    assert too_long == []


def test_no_folder_holds_more_modules_than_a_page_lists() -> None:
    """At most 15 modules beside its sub-folders: source, tests and benchmarks."""
    counts = Counter(
        str(path.parent.relative_to(ROOT))
        for folder in (*SOURCE, "tests", "benchmarks")
        for path in (ROOT / folder).rglob("*.py")
        if path.name != "__init__.py"
    )
    assert {folder: count for folder, count in counts.items() if count > 15} == {}


def test_class_names_mean_one_thing() -> None:
    """A name that stands twice sends who looks for it to the wrong place."""
    places = defaultdict(list)
    for path in chain.from_iterable(
        (ROOT / folder).rglob("*.py") for folder in (*SERVICE, "gatehouse")
    ):
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(str(path.relative_to(ROOT)))
    twice = {name: found for name, found in places.items() if len(found) > 1}
    for name in OF_FRAMEWORKS:
        del twice[name]
    assert twice.keys() == ON_BOTH_SIDES | ERRORS_OF_BOTH | TWO_FIELDS, twice
    sides = {sum(path.startswith("gatehouse/") for path in found) for found in twice.values()}
    assert (sides, {len(found) for found in twice.values()}) == ({1}, {2})


def test_no_six_lines_stand_twice() -> None:
    """What is the same is written once; the client that is generated from the other one apart."""
    places = defaultdict(list)
    for path in chain.from_iterable((ROOT / folder).rglob("*.py") for folder in SOURCE):
        if str(path.relative_to(ROOT)) not in GENERATED:
            lines = _lines_of_code(path)
            for at in range(len(lines) - 5):
                six = tuple(text for _, text in lines[at : at + 6])
                places[six].append(f"{path}:{lines[at][0]}")
    assert [found for found in places.values() if len(found) > 1] == []


def _lines_of_code(path: Path) -> list[tuple[int, str]]:
    imports = {
        number
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for number in range(node.lineno, (node.end_lineno or 0) + 1)
    }
    lines = enumerate(map(str.strip, path.read_text().splitlines()), 1)
    return [
        (number, text)
        for number, text in lines
        if number not in imports and not text.startswith("#") and any(map(str.isalnum, text))
    ]
