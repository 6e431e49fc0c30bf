"""What only happens on a terminal: a progress bar, questions after Ctrl-C, tables,
and nothing that takes the terminal over."""

import json
import re

import pytest

from tests.cli.command import Home
from tests.waiting import wait_until

CTRL_C = "\x03"
# What rich, click and the terminal's line discipline send: colours, cursor, erasing;
# nothing from a task.
OURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\r\n]|\^C")


def plain(text: str) -> str:
    """The text without what draws the progress bar."""
    return OURS.sub("", text)


def test_progress_is_shown_while_the_job_runs_and_the_result_after(home: Home) -> None:
    """The bar is gone at the end."""
    with home.on_terminal("submit", "sample.steps", "count=4", "step_s=0.5", "--wait") as terminal:
        terminal.wait_for("running")
        terminal.wait_for("step ")
        assert terminal.wait_for_end() == 0, terminal.text
        assert terminal.text.splitlines()[-1].strip().endswith("4")


@pytest.mark.parametrize("answer", ["y", "n", CTRL_C])
def test_ctrl_c_asks_whether_to_cancel(home: Home, answer: str) -> None:
    """y cancels, n goes on waiting, a second Ctrl-C leaves it running and says how to come back."""
    path = home.folder / f"go-{ord(answer)}"
    with home.on_terminal("submit", "sample.hold", f"path={path}", "--wait") as terminal:
        terminal.wait_for("running")
        terminal.type(CTRL_C)
        terminal.wait_for("Cancel the job?")
        terminal.type(answer if answer == CTRL_C else f"{answer}\n")
        if answer == CTRL_C:
            terminal.wait_for("gatehouse watch")
        if answer != "y":
            path.touch()
        code = terminal.wait_for_end()
    assert code == {"y": 3, "n": 0, CTRL_C: 130}[answer], terminal.text


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [("y\n", 3, "cancelled"), ("n\n", 130, "/results"), (CTRL_C, 130, "/results")],
)
def test_ctrl_c_in_map_asks_whether_to_cancel(
    home: Home, answer: str, code: int, said: str
) -> None:
    """Whoever leaves them running is told where the results will be:
    a batch's jobs are in no list."""
    path = home.folder / f"go-map-{ord(answer[0])}"
    (home.folder / "hold.jsonl").write_text(json.dumps({"path": str(path)}) + "\n")
    with home.on_terminal("map", "sample.hold", "hold.jsonl") as terminal:
        wait_until(path.with_name(f"{path.name}.runs").exists, timeout_s=20)
        home.run("whoami")  # meanwhile the answer to its submit arrives
        terminal.type(CTRL_C)
        terminal.wait_for("Cancel the jobs that have not ended?")
        terminal.type(answer)
        assert terminal.wait_for_end() == code
        assert said in terminal.text
    path.touch()


def test_evil_words_do_not_reach_the_terminal(home: Home) -> None:
    """Neither in the result, nor in the log, nor in the message of the progress,
    nor in a listing."""
    job_id = json.loads(home.run("submit", "cli.evil", "--wait", "--json").out)["id"]
    for words in (
        ("result", job_id),
        ("log", job_id),
        ("jobs", "--limit", "1"),
        ("watch", job_id),
        ("submit", "cli.evil", "-w"),
    ):
        with home.on_terminal(*words) as terminal:
            assert terminal.wait_for_end() == 0, terminal.text
            shown = terminal.text
        assert "\x1b]" not in shown
        assert "\x1b[31m" not in shown
        assert plain(shown).isprintable(), repr(shown)


def test_too_large_a_result_is_not_poured_over_the_terminal(home: Home) -> None:
    """It says how to save it; the job succeeded all the same."""
    job_id = home.run("submit", "sample.big", "size=300000").out.strip()
    with home.on_terminal("result", job_id) as terminal:
        assert terminal.wait_for_end() == 0
        assert len(terminal.text) < 2000
        assert f"gatehouse result {job_id} -o FILE" in terminal.text


def test_tables_have_a_header_on_a_terminal(home: Home) -> None:
    """And what stands in brackets stays."""
    home.run("submit", "sample.echo", "--wait")
    with home.on_terminal("jobs", "--limit", "1") as terminal:
        assert terminal.wait_for_end() == 0
        assert "submitted" in terminal.text
        assert "sample.echo" in terminal.text


def test_ctrl_c_while_following_a_log_leaves(home: Home) -> None:
    """The job goes on; nothing is asked."""
    job_id = home.run("submit", "sample.hang").out.strip()
    with home.on_terminal("log", "-f", job_id) as terminal:
        home.run_from_start("log", job_id)
        home.run_from_start("log", job_id)
        terminal.type(CTRL_C)
        assert terminal.wait_for_end() == 130
        assert "Traceback" not in terminal.text
    home.run("cancel", job_id)
