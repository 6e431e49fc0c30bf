"""The one table from errors to statuses: complete, and each code unique."""

import importlib
import pkgutil
from types import ModuleType

import flask_api
import shared
from flask_api.errors import STATUS
from flask_api.gate.credentials import CrossSiteRefused
from flask_api.jobs.errors import EngineStopped, QueueFull
from shared.errors import (
    AccessError,
    ConfigurationError,
    EntryFormatError,
    GatehouseError,
    JobError,
    StoreUnavailable,
)

# Roots that are never raised themselves, and what is always handled before a client could see it.
NEVER_REACH_A_CLIENT = {
    GatehouseError,
    AccessError,
    JobError,
    ConfigurationError,  # ends the start
    EntryFormatError,  # the guards turn it into NotAuthenticated
}


def import_all(package: ModuleType) -> None:
    """Import every module of a package, so that every class exists."""
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)


def all_errors() -> set[type[GatehouseError]]:
    """Return GatehouseError and everything below it in the code that the API runs."""
    import_all(shared)
    import_all(flask_api)
    found: set[type[GatehouseError]] = set()
    rest: list[type[GatehouseError]] = [GatehouseError]
    while rest:
        kind = rest.pop()
        found.add(kind)
        rest += kind.__subclasses__()
    return {kind for kind in found if kind.__module__.split(".")[0] in ("shared", "flask_api")}


def test_every_error_that_can_reach_a_client_has_a_status() -> None:
    """A new error without a row would be answered as an opaque 500."""
    missing = all_errors() - set(STATUS) - NEVER_REACH_A_CLIENT
    assert not missing, (
        f"without a row in flask_api.errors.STATUS: {sorted(kind.__name__ for kind in missing)}"
    )


def test_table_holds_only_errors_of_clients_and_outages() -> None:
    """No row is out of date, none is on both lists, and no known error is a 500."""
    assert set(STATUS) <= all_errors()
    assert not set(STATUS) & NEVER_REACH_A_CLIENT
    assert set(STATUS.values()) <= {400, 401, 403, 404, 408, 409, 410, 413, 415, 422, 429, 503, 507}


def test_codes_are_unique_and_each_errors_own() -> None:
    """A client can tell every error by its code: none is inherited or used twice."""
    errors = all_errors()
    assert not [kind.__name__ for kind in errors if "code" not in vars(kind)]
    assert len({kind.code for kind in errors}) == len(errors)


def test_errors_that_pass_say_when_to_come_back() -> None:
    """Every 429 and 503 carries Retry-After, and nothing else does."""
    retryable = {kind for kind in STATUS if hasattr(kind, "retry_after_s")}
    assert retryable == {kind for kind, status in STATUS.items() if status in (429, 503)}
    assert {QueueFull, EngineStopped, StoreUnavailable} <= retryable
    assert CrossSiteRefused not in retryable
