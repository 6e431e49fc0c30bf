"""``jobs``, ``tasks``, ``log``, ``files``, completion: what there is."""

import json
import time
from pathlib import Path

import pytest

from gatehouse.cli.commands.log import overlap
from tests.cli.command import Home
from tests.e2e.service import ServiceProcess


@pytest.fixture(scope="module")
def told(home: Home, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A job with lines in its log and files."""
    folder = tmp_path_factory.mktemp("told")
    done = home.run("submit", "sample.words", f"folder={folder}", "--wait", "--json")
    assert done.code == 0, done
    return str(json.loads(done.out)["id"])


def test_jobs_are_listed_newest_first_and_filtered(home: Home, told: str) -> None:
    """As a table with tabs in a pipe, as records with --json."""
    later = home.run("submit", "primes.sum", "limit=10", "--wait", "--json")
    rows = [line.split("\t") for line in home.run("jobs", "--limit", "2").out.splitlines()]
    assert [row[0] for row in rows] == [json.loads(later.out)["id"], told]
    assert rows[1][1:4] == ["sample.words", "succeeded", "2/2"]
    filtered = home.run(
        "jobs", "--json", "--task", "sample.words", "--status", "succeeded"
    ).out.splitlines()
    assert [json.loads(line)["id"] for line in filtered] == [told]
    assert home.run("jobs", "--status", "failed", "--task", "sample.words").out == ""
    assert home.run("jobs", "--status", "lost").code == 2


def test_tasks_are_listed_and_one_is_shown(home: Home) -> None:
    """With the schemas in --json."""
    assert "primes.sum\tAdd up the prime numbers below a limit.\n" in home.run("tasks").out
    shown = home.run("tasks", "primes.sum").out.splitlines()[1]
    assert shown == "limit\tinteger\trequired\tat least 0, at most 200000000"
    schema = json.loads(home.run("tasks", "primes.sum", "--json").out)["arguments_schema"]
    assert list(schema["properties"]) == ["limit"]
    assert home.run("tasks", "primes.sun").code == 2


def test_log_is_printed_and_followed_to_the_end(home: Home, told: str) -> None:
    """The exit code of one who follows is the outcome."""
    lines = home.run("log", told, "--json").out.splitlines()
    assert next(json.loads(line)["message"] for line in lines) == "plain"
    assert all(line.isprintable() for line in lines)
    assert "info plain" in home.run("log", told).out
    old = home.run("log", told, PYTHONUTF8="0", PYTHONIOENCODING="iso-8859-5")
    assert (old.code, "and \\xe9" in old.out) == (0, True)
    job_id = home.run("submit", "sample.fail", "message=oh").out.strip()
    assert home.run("log", "-f", job_id).code == 1


def test_files_are_listed_and_written(home: Home, told: str, tmp_path: Path) -> None:
    """One under a path of its own, all into a folder that is made."""
    assert "text.txt\t7\ttext/plain\n" in home.run("files", told).out
    names = [
        json.loads(line)["name"] for line in home.run("files", told, "--json").out.splitlines()
    ]
    assert names == ["text.txt", "data.bin", "table.csv"]
    assert home.run("files", told, "data.bin", "-o", str(tmp_path / "one")).code == 0
    assert (tmp_path / "one").read_bytes() == b"\x00\xff"
    every = home.run("files", told, "--all", "-o", str(tmp_path / "all"), "--json")
    assert sorted(file.name for file in (tmp_path / "all").iterdir()) == sorted(names)
    assert [json.loads(line)["path"] for line in every.out.splitlines()] == [
        str(tmp_path / "all" / name) for name in names
    ]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("files", "TOLD", "nothing.txt"), 1, "it has: text.txt, data.bin, table.csv"),
        (("files", "TOLD", "../text.txt"), 1, "has no file"),
        (("files", "TOLD", "--all", "text.txt"), 2, "not both"),
        (("files", "TOLD", "text.txt", "-o", "/no/such/folder"), 7, "can't be written"),
        (("files", "TOLD", "--all", "-o", "/dev/null/x"), 7, "can't be made a folder"),
        (("watch", "00000000-0000-4000-8000-000000000000"), 1, ""),
        (("watch", "../me"), 2, "not a valid UUID"),
        (("log", ""), 2, "not a valid UUID"),
        (("cancel", "TOLD"), 1, ""),
        (("retry", "TOLD"), 1, ""),
        (("watch",), 2, "Missing argument"),
        (("jobs", "--limit", "0"), 2, "--limit"),
        (("nonsense",), 2, "No such command"),
        (("watch", "--verbose"), 2, "No such option"),
    ],
)
def test_what_can_not_be_done_is_one_line(
    home: Home, told: str, words: tuple[str, ...], code: int, said: str
) -> None:
    """With the code that fits."""
    done = home.run(*(told if word == "TOLD" else word for word in words))
    assert (done.code, done.out) == (code, "")
    assert said in done.line


def test_expired_job_is_said(home: Home) -> None:
    """It was there; that is not the same as never."""
    job_id = home.run("submit", "sample.brief", f"folder={home.folder}", "--wait", "--json").out
    job_id = json.loads(job_id)["id"]
    deadline = time.monotonic() + 20
    while (done := home.run("result", job_id)).code == 0:
        assert time.monotonic() < deadline
    assert done.code == 1
    assert "forgotten" in done.line or "expired" in done.line


def test_overlap_finds_what_was_there_before() -> None:
    """The service keeps the last lines only."""
    lines = [{"message": str(number)} for number in range(10)]
    assert overlap([], lines) == 0
    assert overlap(lines[:4], lines) == 4
    assert overlap(lines[:4], lines[2:8]) == 2
    assert overlap(lines[:4], lines[5:]) == 0
    assert overlap([lines[0]] * 3, [lines[0]] * 5) == 3
    assert overlap(lines, lines) == 10


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script_is_printed(stranger: Home, shell: str) -> None:
    """Without a log-in."""
    done = stranger.run("completion", shell)
    assert (done.code, done.err) == (0, "")
    assert f"{shell}_complete" in done.out


def completed(home: Home, line: str, **environment: str) -> list[str]:
    """What a shell is offered after this line."""
    words = line.split(" ")
    asked = {
        "_GATEHOUSE_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
    }
    done = home.run(**asked, **environment)
    assert done.err == ""
    return [each.partition(",")[2] for each in done.out.splitlines() if each]


def test_names_of_tasks_and_their_options_complete(home: Home, service: ServiceProcess) -> None:
    """From the service, and from the cache when it is away."""
    assert completed(home, "gatehouse submit primes.") == ["primes.check", "primes.sum"]
    assert completed(home, "gatehouse map primes.s") == ["primes.sum"]
    assert completed(home, "gatehouse submit primes.sum --l") == ["--limit"]
    assert completed(home, "gatehouse wh") == ["whoami"]


def test_completion_without_a_service_is_empty_and_quiet(stranger: Home) -> None:
    """A prompt is no place for complaints."""
    assert completed(stranger, "gatehouse submit primes.") == []
    away = {"GATEHOUSE_URL": "http://127.0.0.1:9", "GATEHOUSE_KEY": "gh_x"}
    assert completed(stranger, "gatehouse tasks p", **away) == []
