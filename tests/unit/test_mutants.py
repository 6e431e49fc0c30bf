"""The script that removes guards stays true to the code between its long runs."""

from pathlib import Path

import pytest

from tests.mutants import MUTANTS, ROOT, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_guard_to_remove_is_there_exactly_once(mutant: Mutant) -> None:
    """A guard that moved takes its mutant along."""
    assert (ROOT / mutant.path).read_text().count(mutant.guard) == 1
    assert Path(mutant.path).suffix == ".py"
