"""In which order the files of tests begin."""

from shared.settings import ROOT
from tests.conftest import LONGEST, in_turn


def test_longest_files_are_there_and_begin_first() -> None:
    """One that was moved would begin anywhere, and end alone."""
    assert [name for name in LONGEST if not (ROOT / "tests" / name).exists()] == []
    assert in_turn(["cli/test_a.py", *reversed(LONGEST)]) == [*LONGEST, "cli/test_a.py"]


def test_each_folder_is_spread_over_the_whole_run() -> None:
    """Every file once, those of a folder in their order."""
    files = [f"unit/test_{number}.py" for number in range(4)] + ["chaos/test_a.py", "e2e/test_b.py"]
    assert in_turn(files) == [
        "unit/test_0.py",
        "unit/test_1.py",
        "chaos/test_a.py",
        "e2e/test_b.py",
        "unit/test_2.py",
        "unit/test_3.py",
    ]
