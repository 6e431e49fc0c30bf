"""A guard that is removed, and the tests that must notice."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Compiled modules come along: only the one that is changed is compiled again.
NOT_COPIED = shutil.ignore_patterns(".git", ".venv*", "var", ".*_cache", ".hypothesis")
TIMEOUT_S = 600
_OPENING, _CLOSING = map(frozenset, ((r"\(", r"\[", r"\{"), (r"\)", r"\]", r"\}")))
# What the long runs ask for would be asked of every mutant.
FEWER = {"NIGHTLY_EXAMPLES": "50", "NIGHTLY_SCHEDULES": "60"}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One guard, as it stands and with it removed, and the tests that must fail then."""

    name: str
    path: str
    guard: str
    without: str
    tests: tuple[str, ...] = ()

    @property
    def pattern(self) -> re.Pattern[str]:
        """The guard wherever the formatter breaks its lines;
        one that holds whole lines, as it is."""
        if "\n" in self.guard:
            return re.compile(re.escape(self.guard))
        pieces = [
            re.escape(piece)
            for piece in re.findall(r"\s+|[(\[{]|[)\]}]|[^\s()\[\]{}]+", self.guard)
        ]
        spaced = [r"\s+" if piece.startswith("\\ ") else piece for piece in pieces]
        text = "".join(
            f"{each}\\s*" if each in _OPENING else f",?\\s*{each}" if each in _CLOSING else each
            for each in spaced
        )
        return re.compile(text)

    def is_in(self, text: str) -> bool:
        """Tell whether the text holds the guard exactly once."""
        return len(self.pattern.findall(text)) == 1

    def remove_from(self, text: str) -> str:
        """Return the text without the guard."""
        return self.pattern.sub(lambda found: self.without, text)


def of(tests: Sequence[str], *mutants: Mutant) -> tuple[Mutant, ...]:
    """Return the mutants, for these tests."""
    return tuple(replace(mutant, tests=tuple(tests)) for mutant in mutants)


def survivors(mutants: Sequence[Mutant], *, at_once: int = 2) -> Iterator[str]:
    """Yield a line for every guard whose removal no test noticed, or that could not be tried."""
    with ThreadPoolExecutor(at_once) as pool:
        groups = {mutant.tests for mutant in mutants}
        broken = [line for line in pool.map(_fails_by_itself, sorted(groups)) if line]
        if broken:  # else every mutant would look noticed
            yield from broken
            return
        yield from filter(None, pool.map(_survives, mutants))


def _fails_by_itself(tests: tuple[str, ...]) -> str | None:
    code = _code_of(tests, None)
    return (
        None if code == 0 else f"with nothing removed pytest ended with {code}: {' '.join(tests)}"
    )


def _survives(mutant: Mutant) -> str | None:
    if not mutant.is_in((ROOT / mutant.path).read_text()):
        return f"{mutant.name}: {mutant.path} does not hold its guard exactly once any more"
    code = _code_of(mutant.tests, mutant)
    # 1: a test failed. Anything else (5: no tests, 2: broken) proves nothing.
    return None if code == 1 else f"{mutant.name}: pytest ended with {code}"


def _code_of(tests: Sequence[str], mutant: Mutant | None) -> int:
    """Run the tests in a copy of the tree, with the guard removed;
    return pytest's exit code, -1 when it takes too long."""
    with tempfile.TemporaryDirectory(prefix="gatehouse-mutant-") as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(ROOT, copy, ignore=NOT_COPIED)
        if mutant is not None:
            changed = copy / mutant.path
            changed.write_text(mutant.remove_from(changed.read_text()))
        try:
            return subprocess.run(
                [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests],
                cwd=copy,
                env={**os.environ, **FEWER},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,
                timeout=TIMEOUT_S,
            ).returncode
        except subprocess.TimeoutExpired:
            return -1
