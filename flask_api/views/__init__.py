"""The API's endpoints, one module per kind of resource. A module here that has a ``blueprint`` is
served: no other file of the server knows of it.

What its module says, the document says: the docstring is what its endpoints are for, PLACE_IN_DOCS
where a reader meets them (lower is earlier), ``describe`` and ``scope_required`` all the rest.
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
