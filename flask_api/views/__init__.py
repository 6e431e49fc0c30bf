"""The API's endpoints, one module per kind of resource. Each has a ``blueprint``, by which it is
served; no other file of the server knows of it.

The document of the API says what the module says: its docstring is what the endpoints are for,
PLACE_IN_DOCS where a reader meets them (lower is earlier); ``describe`` and ``scope_required`` add
the rest.
"""

import importlib
import pkgutil
from collections.abc import Iterator

from flask import Blueprint


def find_blueprints() -> Iterator[Blueprint]:
    """Yield the blueprint of each module of this package, by the module's name."""
    for found in sorted(pkgutil.iter_modules(__path__), key=lambda found: found.name):
        module = importlib.import_module(f"{__name__}.{found.name}")
        blueprint: Blueprint = module.blueprint
        yield blueprint
