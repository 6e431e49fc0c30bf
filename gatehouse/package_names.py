"""Report in one line when a top-level name of the service finds somebody else's package,
or the other way round.

``shared`` above all is a name that sites have too. Python takes the first on its path, and what
then fails is an import far from the cause.
``python -m gatehouse.package_names`` shows which package each name stands for.
"""

import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

NAMES = ("shared", "flask_api", "django_site", "deploy")

_ADVICE = "Put the one that you mean first on the Python path (docs/adopt.md)."


def require_ours(name: str, *, beside: str) -> None:
    """Raise ImportError if ``name`` is not the package next to the one whose ``__file__`` is
    ``beside``.

    From then on an import that fails because one of our names hides another package says so too.
    """
    ours, found = Path(beside).parents[1] / name, _folder_of(name)
    if found is not None and not found.samefile(ours):
        raise ImportError(
            f"The package {name!r} of Gatehouse is at {ours}, but {found} is found first. {_ADVICE}"
        )
    if not any(isinstance(finder, _HiddenNames) for finder in sys.meta_path):
        sys.meta_path.append(_HiddenNames())  # last: asked only when nobody else found the module


class _HiddenNames:
    """Finds no module; raises when another package of the same name has the one that was looked
    for."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return None. Raises ModuleNotFoundError that names both packages."""
        del path, target
        name, _, rest = fullname.partition(".")
        if name not in NAMES or not rest:
            return None
        inside = Path(*rest.split("."))
        hidden = next((place for place in places(name) if _has(place, inside)), None)
        if hidden is not None:
            text = (
                f"No module named {fullname!r} in {_folder_of(name)}; the one in {hidden} is "
                f"hidden by it. {_ADVICE}"
            )
            raise ModuleNotFoundError(text, name=fullname)
        return None


def places(name: str) -> Iterator[Path]:
    """Yield the folder of each package of this name on Python's path,
    the one that is imported first."""
    for entry in dict.fromkeys(sys.path):
        folder = Path(entry or ".").resolve() / name
        if (folder / "__init__.py").is_file():
            yield folder


def _folder_of(name: str) -> Path | None:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        return None
    origin = Path(spec.origin)
    return origin.parent if origin.name == "__init__.py" else origin


def _has(package: Path, inside: Path) -> bool:
    return (package / inside).with_suffix(".py").is_file() or (
        package / inside / "__init__.py"
    ).is_file()


def main() -> int:
    """Print where each name is found, and what it hides;
    the exit code is 1 if anything is hidden."""
    hides = False
    for name in NAMES:
        found = list(places(name))
        sys.stdout.write(f"{name}: {found[0] if found else 'not installed'}\n")
        for hidden in found[1:]:
            hides = True
            sys.stdout.write(f"{name}: hides {hidden}\n")
    return int(hides)


if __name__ == "__main__":
    sys.exit(main())
