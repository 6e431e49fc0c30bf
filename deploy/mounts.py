"""Other people's WSGI applications beside ours:
``GATEHOUSE_MOUNTS=/shop=shop.wsgi:application,/wiki=wiki:app``.

They run in our processes, below our mount.
Each is behind the gate unless GATEHOUSE_MOUNTS_OPEN names its path.
"""

import importlib
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from shared.errors import ConfigurationError
from shared.http.mount import plain_prefix
from shared.settings import ENV_PREFIX, ServerSettings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

_MOUNTS, _OPEN = f"{ENV_PREFIX}MOUNTS", f"{ENV_PREFIX}MOUNTS_OPEN"
_ACCEPTED = "it must be PATH=MODULE:NAME, comma-separated, such as /shop=shop.wsgi:application"
_TARGET = re.compile(r"[A-Za-z_][\w.]*(?::[A-Za-z_]\w*)?")
# What the site itself answers.
_TAKEN = ("/account", "/accounts", "/admin", "/static", "/favicon.ico")


def load_mounts(
    settings: ServerSettings, *, gated: Callable[["WSGIApplication"], "WSGIApplication"]
) -> Mapping[str, "WSGIApplication"]:
    """Import every application that is mounted beside ours;
    return them by path, those behind the gate ``gated``.

    Raises ConfigurationError that names the variable and the mount.
    """
    targets = _targets(settings)
    unknown = sorted(set(settings.mounts_open) - targets.keys())
    if unknown:
        raise ConfigurationError(f"{_OPEN}: {unknown[0]} is not one of the paths in {_MOUNTS}")
    found: dict[str, WSGIApplication] = {}
    for path, target in targets.items():
        application = _imported(path, target)
        found[path] = application if path in settings.mounts_open else gated(application)
    return found


def _targets(settings: ServerSettings) -> dict[str, str]:
    targets: dict[str, str] = {}
    for mount in settings.mounts:
        path, _, target = mount.partition("=")
        if not plain_prefix(path) or path.endswith("/") or not _TARGET.fullmatch(target):
            raise ConfigurationError(f"{_MOUNTS}: {mount!r} can't be read; {_ACCEPTED}")
        if any(_is_at(path, taken) for taken in (*_TAKEN, settings.api_prefix)) or _is_at(
            settings.api_prefix, path
        ):
            raise ConfigurationError(f"{_MOUNTS}: {path} is a path of Gatehouse's own")
        if path in targets:
            raise ConfigurationError(f"{_MOUNTS}: {path} is there twice")
        targets[path] = target
    return targets


def _is_at(path: str, place: str) -> bool:
    return f"{path}/".startswith(f"{place}/")


def _imported(path: str, target: str) -> "WSGIApplication":
    module_name, _, name = target.partition(":")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # whatever their module does when it is imported
        reason = f"{type(error).__name__}: {error}"
        raise ConfigurationError(
            f"{_MOUNTS}: {path}={target} can't be imported: {reason}"
        ) from error
    application: WSGIApplication | None = getattr(module, name or "application", None)
    if not callable(application):
        raise ConfigurationError(
            f"{_MOUNTS}: {module_name} has no WSGI application "
            f"{name or 'application'!r}; {_ACCEPTED}"
        )
    return application
