"""The pages about tasks: every block of Python is loaded and run,
and the reference is what the code says."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from flask_api.jobs.errors import TaskError
from flask_api.jobs.tasks.registry import TaskRegistry, load_tasks
from flask_api.jobs.tasks.task import Task
from flask_api.tasks.reference import kind, reference
from flask_api.testing import InlineReporter, run_inline
from shared.settings import ROOT, ApiSettings
from tests.integration.tasks.web_server import Page, running_server

BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)
NAME = re.compile(r"# ([a-z_]+\.py)\n")


def blocks() -> dict[str, str]:
    """Return the page's blocks of Python by the file name in their first line."""
    found = BLOCK.findall((ROOT / "docs/tasks.md").read_text())
    named = {name[1]: block for block in found if (name := NAME.match(block))}
    assert len(named) == len(found) > 0, "each block begins with the name of its file"
    return named


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The page's files, importable for the time of one test."""
    for name, block in blocks().items():
        (tmp_path / name).write_text(block)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    return tmp_path


@pytest.fixture
def registry(folder: Path) -> TaskRegistry:
    """The page's task modules, loaded as the setting loads them."""
    return load_tasks(
        [path.stem for path in sorted(folder.glob("*.py")) if not path.stem.startswith("test_")]
    )


def run_greeting(task: Task[..., Any], folder: Path) -> None:
    """Defaults are filled in."""
    assert run_inline(task, {"name": "Ada"}) == "Hello, Ada! "


def run_dice(task: Task[..., Any], folder: Path) -> None:
    """A dataclass becomes an object."""
    thrown = run_inline(task, {"count": 3})
    assert len(thrown["dice"]) == 3
    assert thrown["total"] == sum(thrown["dice"])


def run_squares(task: Task[..., Any], folder: Path) -> None:
    """It says what it did."""
    left = InlineReporter()
    assert run_inline(task, {"limit": 4}, reporter=left) == 14
    assert "added 4 squares" in left.lines[0]


def run_lines(task: Task[..., Any], folder: Path) -> None:
    """A file comes in and one goes out; too large a one is refused."""
    path, left = folder / "text.txt", InlineReporter()
    path.write_bytes(b"one\n\xff\n")
    assert run_inline(task, {"file": path}, reporter=left) == 2
    assert left.files["numbered.txt"].decode() == "1 one\n2 �"
    path.write_bytes(b"x" * 1_000_001)
    with pytest.raises(TaskError):
        run_inline(task, {"file": path})


def run_letters(task: Task[..., Any], folder: Path) -> None:
    """It goes on where it stopped, and its declaration is what the page says."""
    left = InlineReporter()
    with pytest.raises(ConnectionError):
        run_inline(task, {"names": ["ada", "nobody"]}, reporter=left)
    assert left.state == "1"
    assert task.policy.may_retry(ConnectionError())
    assert not task.policy.may_retry(PermissionError())


def run_chains(task: Task[..., Any], folder: Path) -> None:
    """A known answer."""
    assert run_inline(task, {"limit": 10}) == 9
    assert task.policy.executor == "processes"


def run_sales(task: Task[..., Any], folder: Path) -> None:
    """Sums, and the same as a chart."""
    result = run_inline(task, {"sales": [["fr", 2], ["de", 1.5], ["fr", 1]]})
    assert result["sums"] == {"fr": 3, "de": 1.5}
    assert result["chart"]["series"][0]["points"] == [["fr", 3], ["de", 1.5]]


def run_reports(task: Task[..., Any], folder: Path) -> None:
    """A text that is laid out, and says so."""
    assert "Report for Ada" in str(run_inline(task, {"name": "Ada"}))


def run_titles(task: Task[..., Any], folder: Path) -> None:
    """A page of a network that is allowed, one without a title, and one that nobody allowed."""
    settings = ApiSettings.model_construct(web_allowed_networks=(ip_network("127.0.0.0/8"),))
    with running_server() as server:
        server.pages = {"/good": Page(b"<title>News</title>"), "/bad": Page(b"<p>")}
        assert run_inline(task, {"url": server.url("/good")}, settings=settings) == "News"
        with pytest.raises(TaskError, match="no title"):
            run_inline(task, {"url": server.url("/bad")}, settings=settings)
        with pytest.raises(TaskError):
            run_inline(task, {"url": server.url("/good")})


RUNS: dict[str, Callable[[Task[..., Any], Path], None]] = {
    "chains.longest": run_chains,
    "dice.throw": run_dice,
    "greetings.greet": run_greeting,
    "letters.send": run_letters,
    "lines.number": run_lines,
    "reports.summary": run_reports,
    "sales.by_country": run_sales,
    "sums.squares": run_squares,
    "titles.find": run_titles,
}


def test_every_task_of_the_page_is_run_here(registry: TaskRegistry) -> None:
    """Who adds a block adds its run."""
    assert [task.name for task in registry] == list(RUNS)


@pytest.mark.parametrize("name", RUNS)
def test_task_of_the_page_does_what_it_says(
    name: str, registry: TaskRegistry, folder: Path
) -> None:
    """Loaded by the setting's way, run inline."""
    RUNS[name](registry.get(name), folder)


def test_tests_of_the_page_pass(folder: Path) -> None:
    """The page's own tests, in a process with no setting of ours."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GATEHOUSE_")}
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-c",
            os.devnull,
            "--rootdir",
            str(folder),
            "-p",
            "no:cacheprovider",
            str(folder),
        ],
        cwd=folder,
        env={**clean, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 passed" in done.stdout


def test_adopters_test_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The block under "Test it" in docs/adopt.md, on the page's own service."""
    page = (ROOT / "docs/adopt.md").read_text()
    service, test = (
        re.findall(rf"## {part}.*?```python\n(.*?)```", page, flags=re.DOTALL)[0]
        for part in ("4", "5")
    )
    monkeypatch.setenv("GATEHOUSE_REDIS_URL", os.environ["GATEHOUSE_SITE_REDIS_URL"])
    namespace: dict[str, Any] = {"__name__": "service"}
    exec(service, namespace)
    exec(test.replace("from service import app\n", ""), namespace)
    namespace["test_whoami"]()


def test_reference_is_what_the_code_says() -> None:
    """docs/task-reference.md is made from the code:
    python -m flask_api.tasks.reference > docs/task-reference.md."""
    assert (ROOT / "docs/task-reference.md").read_text() == reference()


def test_every_task_that_is_shipped_is_offered_by_default() -> None:
    """And so it is in the reference: whatever is decorated below flask_api/tasks."""
    pages = [path.read_text() for path in (ROOT / "flask_api/tasks").rglob("*.py")]
    shipped = {name for page in pages for name in re.findall(r'\n@task\(\s*"([^"]+)"', page)}
    assert {
        task.name for task in load_tasks(ApiSettings.model_fields["task_modules"].default)
    } == shipped


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({}, "anything"),
        ({"type": "string", "minLength": 1}, "text (at least 1 characters)"),
        ({"type": "integer", "minimum": 1, "maximum": 2}, "integer (1 to 2)"),
        (
            {"type": "array", "items": {"type": "boolean"}, "maxItems": 3},
            "list (at most 3 items) of boolean",
        ),
        ({"anyOf": [{"$ref": "#/$defs/Size"}, {"type": "null"}]}, '"S" or "L" or null'),
        ({"type": "string", "x-gatehouse-file": True}, "uploaded file"),
        (
            {"type": "object", "additionalProperties": {"type": "number"}},
            "object of number by name",
        ),
        ({"properties": {"a": {"properties": {"b": {"const": 1}}}}}, "{\n  a: {\n    b: 1\n  }\n}"),
    ],
)
def test_schema_is_put_into_words(schema: dict[str, Any], words: str) -> None:
    """What people read of an argument or a result."""
    assert kind(schema, {"Size": {"enum": ["S", "L"]}}) == words
