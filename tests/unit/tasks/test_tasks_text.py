"""Word counts: the same in any number of parts, for any text;
what can't be counted is said in plain words."""

import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_api.jobs.errors import InvalidArguments, JobCancelled, StopReason, TaskError
from flask_api.jobs.tasks.inline import run_inline
from flask_api.tasks import text as text_task
from flask_api.tasks import word_counting
from flask_api.tasks.text import word_count
from flask_api.tasks.word_counting import PartProcess, UncountableError, count_words
from shared.settings import ApiSettings
from tests.processes import is_gone
from tests.waiting import wait_until

FOUR = ApiSettings.model_construct(job_processes=4)


def count_in_parts(path: Path, cuts: list[int]) -> Counter[str]:
    """Count each part by itself and add them up."""
    bounds = [0, *sorted(cuts), path.stat().st_size]
    total: Counter[str] = Counter()
    for start, end in pairwise(bounds):
        total += count_words(path, start, end, on_block=lambda done: None)
    return total


def write(folder: Path, content: str | bytes) -> Path:
    """Write a text and return where it is."""
    path = folder / "text.txt"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def count(path: Path, **arguments: Any) -> dict[str, Any]:
    """Run the task here."""
    result: dict[str, Any] = run_inline(word_count, {"file": path, **arguments}, settings=FOUR)
    return result


def test_words_are_counted_without_regard_to_case(tmp_path: Path) -> None:
    """The most frequent first, equal ones by the alphabet."""
    path = write(
        tmp_path, "\ufeffThe cat, the dog; THE END.\nDon't — don\u2019t! Straße 42 under_score"
    )
    result = count(path, top=3)
    assert result["top"] == [
        {"word": "the", "count": 3},
        {"word": "42", "count": 1},
        {"word": "cat", "count": 1},
    ]
    assert (result["words"], result["distinct"]) == (12, 10)


@given(
    text=st.lists(
        st.sampled_from(["a", "bb", "ß", "日本語", "don't", " ", "\n", "\t", "-", "", "x" * 30])
    ).map("".join),
    cuts=st.lists(st.integers(0, 200), max_size=4),
)
@settings(max_examples=200, deadline=None)
def test_any_parts_count_each_word_once(
    text: str, cuts: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Wherever they are cut, within a word and within a character too."""
    path = write(tmp_path_factory.mktemp("parts"), text)
    inside = [min(cut, path.stat().st_size) for cut in cuts]
    assert count_in_parts(path, inside) == Counter(word_counting._WORD.findall(text.lower()))


def test_blocks_cut_no_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks end before a space; only a run without one that is longer than a block is cut,
    between two characters."""
    path = write(tmp_path, "één twee drie " * 50)
    whole = count_in_parts(path, [])
    for size in (16, 17, 31, 64):
        monkeypatch.setattr(word_counting, "BLOCK", size)
        assert count_in_parts(path, [100]) == whole
        assert (
            sum(
                len(word) * times
                for word, times in count_in_parts(write(tmp_path, "é" * 500), []).items()
            )
            == 500
        )
        path = write(tmp_path, "één twee drie " * 50)


@pytest.mark.parametrize("processes", [1, 2, 3, 4])
def test_any_number_of_processes_gives_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processes: int
) -> None:
    """Real ones: each part but the first is counted by a process of its own."""
    monkeypatch.setattr(text_task, "PART_MIN_BYTES", 10)
    path = write(tmp_path, "one two three " * 1000 + "end")
    result = count(path, processes=processes)
    assert (result["words"], result["distinct"]) == (3001, 4)
    assert result["top"][0] == {"word": "one", "count": 1000}


def test_long_word_is_counted_as_its_pieces(tmp_path: Path) -> None:
    """Nobody's word fills our memory."""
    result = count(write(tmp_path, "x" * 250))
    assert [(len(row["word"]), row["count"]) for row in result["top"]] == [(100, 2), (50, 1)]


@pytest.mark.parametrize("content", ["", " \n\t ", "—!?", "\x00\x00"])
def test_text_without_words_has_none(tmp_path: Path, content: str) -> None:
    """No error."""
    assert count(write(tmp_path, content)) == {"words": 0, "distinct": 0, "top": []}


@pytest.mark.parametrize("processes", [1, 2])
def test_other_encoding_is_named_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processes: int
) -> None:
    """In whichever process it is found."""
    monkeypatch.setattr(text_task, "PART_MIN_BYTES", 10)
    with pytest.raises(TaskError, match="UTF-8: see byte 105"):
        count(write(tmp_path, b"word " * 21 + b"\xe4\n"), processes=processes)


def test_too_many_distinct_words_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one part, and in all together."""
    path = write(tmp_path, " ".join(map(str, range(1000))))
    monkeypatch.setattr(word_counting, "MOST_DISTINCT", 999)
    with pytest.raises(UncountableError, match="999 distinct"):
        count_in_parts(path, [])
    monkeypatch.setattr(word_counting, "MOST_DISTINCT", 10_000)
    monkeypatch.setattr(text_task, "MOST_DISTINCT", 999)
    with pytest.raises(TaskError, match="999 distinct"):
        count(path)


@pytest.mark.parametrize(
    "wrong", [{"top": 0}, {"top": 1001}, {"processes": 0}, {"processes": 17}, {"file": "x"}]
)
def test_wrong_argument_is_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    """By its pointer."""
    with pytest.raises(InvalidArguments) as refused:
        run_inline(word_count, {"file": write(tmp_path, "x"), **wrong})
    assert [problem.pointer for problem in refused.value.problems] == [
        f"/arguments/{next(iter(wrong))}"
    ]


def test_cancelled_count_leaves_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever ends the job ends its helpers."""
    monkeypatch.setattr(text_task, "PART_MIN_BYTES", 10)
    begun: list[PartProcess] = []

    def begin(path: Path, start: int, end: int) -> PartProcess:
        begun.append(PartProcess(path, start, end))
        return begun[-1]

    monkeypatch.setattr(text_task, "PartProcess", begin)
    path = write(tmp_path, "one two three " * 100_000)
    with pytest.raises(JobCancelled):
        run_inline(
            word_count,
            {"file": path},
            settings=FOUR,
            must_stop=lambda: StopReason.CANCELLED if begun else None,
        )
    assert [is_gone(part._process.pid) for part in begun] == [True]


def test_counting_process_ends_when_nobody_listens(tmp_path: Path) -> None:
    """The job's process was killed: its helper does not count on for nobody."""
    path = write(tmp_path, "one two three " * 1_000_000)
    command = [
        sys.executable,
        "-I",
        word_counting.__file__,
        str(path),
        "0",
        str(path.stat().st_size),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.read(1) == b"."
    process.stdout.close()
    wait_until(lambda: process.poll() is not None, timeout_s=10, what="it has ended")
    assert process.returncode == 1


def test_process_that_died_is_an_error(tmp_path: Path) -> None:
    """Not a wrong count."""
    part = PartProcess(tmp_path / "absent", 0, 1)
    with pytest.raises(ChildProcessError):
        part.result()
    part.close()
