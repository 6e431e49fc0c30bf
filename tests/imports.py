"""Imports every module of the packages that need no Django project:
``python -W error -m tests.imports``."""

import sys
from importlib import import_module
from pkgutil import walk_packages

PACKAGES = ("gatehouse", "shared", "flask_api", "deploy")


def import_all() -> int:
    """Import each module and return how many there are. Raises what an import raises."""
    count = 0
    for name in PACKAGES:
        for module in walk_packages(import_module(name).__path__, f"{name}."):
            if not module.name.endswith("__main__"):
                import_module(module.name)
                count += 1
    return count


if __name__ == "__main__":
    print(f"{import_all()} modules imported by Python {sys.version.split()[0]}")  # noqa: T201
