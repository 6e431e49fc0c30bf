"""The API's endpoints, one module per kind of resource, in this package and its rooms. Each has a
``blueprint``, by which it is served; no other file of the server knows of it.

The document of the API says what the module says: its docstring is what the endpoints are for,
PLACE_IN_DOCS where a reader meets them (lower is earlier); ``describe`` and ``scope_required`` add
the rest.
"""

import importlib
import pkgutil
from collections.abc import Iterator

from flask import Blueprint


def find_blueprints() -> Iterator[Blueprint]:
    """Yield the blueprint of each module, by the module's name."""
    every = pkgutil.walk_packages(__path__, prefix=f"{__name__}.")
    for found in sorted((each for each in every if not each.ispkg), key=lambda each: each.name):
        module = importlib.import_module(found.name)
        blueprint: Blueprint = module.blueprint
        yield blueprint
