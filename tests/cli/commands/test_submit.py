"""``submit``: arguments in every way, and exit codes that are the outcome."""

import json
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.command import COMMAND, Home
from tests.cli.tasks import EVIL

WAIT = "--wait"


def test_id_is_printed_and_the_result_comes_with_wait(home: Home) -> None:
    """One line each on stdout, nothing on stderr: ready for a script."""
    submitted = home.run("submit", "primes.sum", "limit=1000")
    assert (submitted.code, submitted.err) == (0, "")
    job_id = submitted.out.strip()
    assert len(job_id) == 36
    for words in (
        ("watch", job_id),
        ("result", job_id),
        ("submit", "primes.sum", "--limit", "1000", WAIT),
    ):
        done = home.run(*words)
        assert (done.code, done.out, done.err) == (0, "76127\n", ""), words


def test_arguments_are_typed_by_the_tasks_schema(home: Home) -> None:
    """Words, options, and a name that is the command's own option too."""
    words = [
        "count=3",
        "--share",
        "0.25",
        "--is-loud",
        "names=a",
        "names=7",
        "sizes=[1,2]",
        'options={"a":1}',
        "wait=x",
    ]
    done = home.run("submit", WAIT, "cli.kinds", *words, "anything=true", "--colour=green")
    assert json.loads(done.out) == {
        "count": 3,
        "share": 0.25,
        "is_loud": True,
        "colour": "green",
        "names": ["a", "7"],
        "sizes": [1, 2],
        "options": {"a": 1},
        "wait": "x",
        "anything": True,
    }


def test_arguments_come_from_a_file_and_words_stand_over_it(home: Home) -> None:
    """One file, or stdin."""
    (home.folder / "arguments.json").write_text('{"count": 3, "share": 1}')
    found = json.loads(home.run("submit", "cli.kinds", "@arguments.json", "share=2", WAIT).out)
    assert (found["count"], found["share"]) == (3, 2)
    assert (
        json.loads(home.run("submit", "cli.kinds", "@-", WAIT, stdin='{"count": 4}').out)["count"]
        == 4
    )


def test_file_is_uploaded_where_the_schema_asks_for_one(home: Home) -> None:
    """By its path, or from stdin."""
    (home.folder / "words.txt").write_text("é and more")
    assert (
        home.run("submit", "cli.read", "file=@words.txt", WAIT).out == '"words.txt: é and more"\n'
    )
    assert '"x"' not in home.run("submit", "cli.read", "file=@-", WAIT, stdin="x").err
    plain = home.run("submit", "cli.read", "file=words.txt")
    assert (plain.code, "to upload a file: file=@words.txt" in plain.err) == (2, True)
    missing = home.run("submit", "cli.read", "file=@nowhere.txt")
    assert (missing.code, "file: nowhere.txt can't be read" in missing.line) == (2, True)


def test_json_is_the_whole_record_in_one_line(home: Home) -> None:
    """With the result once it has ended."""
    record = json.loads(home.run("submit", "primes.sum", "limit=10", "--json").out)
    assert record["task"] == "primes.sum"
    ended = home.run("submit", "primes.sum", "limit=10", "--json", WAIT)
    assert ended.out.count("\n") == 1
    assert json.loads(ended.out)["result"] == 17


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("sample.refuse", "message=oh"), 1, "failed: TaskError: oh"),
        (("cli.late",), 6, "TimedOut"),
        (("sample.hang", "--timeout", "0.3"), 6, "it goes on. Come back with: gatehouse watch"),
        (("primes.sum", "limit=-1"), 2, "/arguments/limit"),
        (("primes.sum", "limit=x"), 2, "limit must be an integer"),
        (("primes.sum",), 2, "The task needs limit"),
        (("primes.sum", "limit"), 2, "must be NAME=VALUE"),
        (("primes.sum", "limits=1"), 2, "did you mean limit"),
        (("cli.either",), 2, "needs names or leader"),
        (("cli.either", "names=[]"), 2, "Give at least one of names, leader."),
        (("primes.sum", "--limits", "1"), 2, "--limit"),
        (("primes.sun", "limit=1"), 2, "did you mean primes.sum? (see gatehouse tasks)"),
        (("no.such", "limit=1"), 2, "There is no task 'no.such' (see gatehouse tasks)"),
        (("primes.sum", "@nowhere.json"), 2, "can't be read"),
        (("primes.sum", "@-"), 2, "- is not JSON"),
        (("primes.sum", "limit=1", "--timeout", "-1"), 2, "--timeout"),
    ],
)
def test_exit_code_is_the_outcome(home: Home, words: tuple[str, ...], code: int, said: str) -> None:
    """And one line says why."""
    done = home.run("submit", *words, WAIT)
    assert (done.code, done.out) == (code, "")
    assert said in done.line


def test_nothing_is_a_time_and_a_delay_too(home: Home) -> None:
    """A time-out of 0 looks once; a delay of 0 behind the task's name takes one before it back."""
    looked = home.run("submit", "sample.hang", "--timeout", "0")
    assert (looked.code, looked.out) == (6, "")
    assert "it goes on. Come back with: gatehouse watch" in looked.line
    taken_back = ("--delay", "600", "primes.sum", "limit=10", "--delay", "0", "--timeout", "20")
    assert home.run("submit", *taken_back).out == "17\n"


def test_cancelled_job_is_3_and_can_be_retried(home: Home) -> None:
    """For everyone who waits for it."""
    job_id = home.run("submit", "sample.hang").out.strip()
    with home.begin("watch", job_id) as watching:
        assert home.run("cancel", job_id).out in ("cancelled\n", "cancel requested\n")
        assert watching.wait(timeout=20) == 3
    assert home.run("result", job_id).code == 3
    assert home.run("cancel", job_id).code == 1
    assert home.run("retry", job_id).out in ("queued\n", "running\n")
    home.run("cancel", job_id)


def test_help_of_a_task_shows_its_parameters(home: Home) -> None:
    """With types, defaults and descriptions."""
    done = home.run("submit", "cli.kinds", "--help")
    assert done.code == 0
    for words in (
        "Return what was given.",
        "--count integer",
        "How many.",
        "[required]",
        "red|green",
        "[default: 0.5]",
        "6 timed",
    ):
        assert words in done.out
    bounds = "at least 0, at most 200000000"
    assert bounds in " ".join(home.run("submit", "primes.sum", "--help").out.split())


def test_help_says_of_which_parameters_one_is_needed(home: Home) -> None:
    """And one of them will do."""
    assert home.run("submit", "cli.either", "--help").out.count("[names or leader]") == 2
    assert (
        home.run("tasks", "cli.either").out.splitlines()[1] == "names\tstring...\tnames or leader\t"
    )
    assert home.run("submit", "cli.either", "leader=ada", WAIT).out == "1\n"


def test_interrupt_without_a_terminal_leaves_the_job_running(home: Home) -> None:
    """And says how to come back."""
    job_id = home.run("submit", "sample.hang").out.strip()
    with home.begin("watch", job_id) as watching:
        wait_for_request(home, job_id)
        watching.send_signal(signal.SIGINT)
        out, err = watching.communicate(timeout=20)
    assert (watching.returncode, out) == (130, "")
    assert f"gatehouse watch {job_id}" in err
    assert "Traceback" not in err
    assert json.loads(home.run("jobs", "--json", "--limit", "1").out)["status"] == "running"
    home.run("cancel", job_id)


def wait_for_request(home: Home, job_id: str) -> None:
    """Give a command that was just begun the time that another one takes from its start to its
    answer."""
    home.run_from_start("log", job_id)
    home.run_from_start("log", job_id)


def test_member_that_comes_twice_is_refused_as_the_service_refuses_it(home: Home) -> None:
    """Of two values of one name one would be lost without a word."""
    (home.folder / "twice.json").write_text('{"limit": 10, "limit": 1000}')
    done = home.run("submit", "primes.sum", "@twice.json")
    assert (done.code, "the name 'limit' comes twice" in done.line) == (2, True)


def test_full_disk_is_7(home: Home) -> None:
    """It is no 1, which means that the job failed:
    the result is there, and can be printed elsewhere."""
    for words in (
        ["submit", "primes.sum", "limit=10", WAIT],
        ["tasks"],
        ["jobs", "--json"],
        ["--version"],
        ["--help"],
    ):
        with Path("/dev/full").open("wb") as full:
            command = [*COMMAND, *words]
            done = subprocess.run(
                command,
                env=home.environment,
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                timeout=30,
                check=False,
            )
        assert (done.returncode, done.stderr) == (
            7,
            "gatehouse: stdout can't be written: No space left on device\n",
        ), words


def test_json_holds_no_character_that_a_terminal_obeys(home: Home) -> None:
    """Escaped in JSON, which means the same."""
    done = home.run("submit", "cli.evil", WAIT)
    assert all(character.isprintable() for character in done.out.rstrip("\n"))
    assert json.loads(done.out) == EVIL


def test_large_result_goes_through_a_pipe_and_into_a_file(home: Home, tmp_path: Path) -> None:
    """Only a terminal is spared."""
    job_id = home.run("submit", "sample.big", "size=300000").out.strip()
    assert json.loads(home.run("result", job_id).out) == "x" * 300_000
    file = tmp_path / "result.json"
    assert home.run("result", job_id, "-o", str(file)).line == f"Written to {file}."
    assert json.loads(file.read_text()) == "x" * 300_000
    refused = home.run("result", job_id, "-o", str(tmp_path / "no" / "folder"))
    assert (refused.code, "can't be written" in refused.line) == (7, True)


def test_broken_pipe_is_quiet(home: Home) -> None:
    """As ``gatehouse jobs --json | head -1``: the reader has had enough, and nothing failed."""
    job_id = home.run("submit", "sample.big", "size=300000").out.strip()
    with home.begin("result", job_id) as command:
        assert command.stdout is not None
        command.stdout.close()
        assert command.stderr is not None
        assert (command.stderr.read(), command.wait(timeout=20)) == ("", 141)
