"""The guards that are removed stay true to the code between their long runs."""

import pytest

from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import ROOT


def test_every_guard_to_remove_is_there_exactly_once() -> None:
    """A guard that moved takes its mutant along."""
    moved = [
        m.name for m in MUTANTS if not m.is_in((ROOT / m.path).read_text()) or m.guard == m.without
    ]
    assert moved == []


def test_every_mutant_has_a_name_of_its_own_and_tests() -> None:
    """A name chooses one; tests that moved notice nothing."""
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    assert [
        m.name
        for m in MUTANTS
        if not m.tests or not all((ROOT / test).is_file() for test in m.tests)
    ] == []


@pytest.mark.parametrize(
    "folder",
    ["deploy/servers", "flask_api/gate", "django_site/staff", "django_site/accounts", "shared"],
)
def test_every_place_of_guards_has_mutants(folder: str) -> None:
    """So that a new place of guards is not forgotten."""
    assert any(mutant.path.startswith(folder) for mutant in MUTANTS)
