"""Try every mutant, or those whose names are given."""

import sys

from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import survivors


def main(names: list[str]) -> int:
    """Print what survived; return the exit code."""
    wanted = [mutant for mutant in MUTANTS if not names or mutant.name in names]
    found = list(survivors(wanted))
    for line in found:
        print(f"survived: {line}")  # noqa: T201  # a command's own voice
    print(f"{len(wanted) - len(found)} of {len(wanted)} removed guards were noticed")  # noqa: T201
    return 1 if found or not wanted else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
