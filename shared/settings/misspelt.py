"""Variables that look like settings and are none:
a misspelt one would be ignored without a word."""

import difflib
from collections.abc import Iterable, Iterator

from pydantic import AliasChoices

from shared.environment import ENV_PREFIX, START_DIR
from shared.settings.contract import ContractSettings
from shared.settings.server import ServerSettings
from shared.settings.site import SiteSettings
from shared.settings.worker import WorkerSettings

# Read by the client, by its completion, and before there are settings.
_NO_SETTINGS = {f"{ENV_PREFIX}{name}" for name in ("URL", "KEY", "COMPLETE", "VAR_DIR")}
_NO_SETTINGS.add(START_DIR)  # of the launcher's to its processes


def misspelt(names: Iterable[str]) -> Iterator[str]:
    """Yield a sentence for every variable with our prefix that no setting is read from;
    never with its value."""
    known = {
        name for kind in (SiteSettings, WorkerSettings, ServerSettings) for name in _variables(kind)
    }
    for name in sorted(names):
        if name.startswith(ENV_PREFIX) and name not in known | _NO_SETTINGS:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.85)
            meant = f"did you mean {near[0]}?" if near else "docs/settings.md has all of them"
            yield f"{name} is not a setting and is ignored; {meant}"


def _variables(kind: type[ContractSettings]) -> Iterator[str]:
    for name, field in kind.model_fields.items():
        if isinstance(field.validation_alias, AliasChoices):
            yield from (str(each) for each in field.validation_alias.choices)
        else:
            yield f"{ENV_PREFIX}{name.upper()}"
