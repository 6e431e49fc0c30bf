"""The engine's Lua scripts, read once, and what stands before some."""

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from shared.redis import Script

_LUA = Path(__file__).parent / "lua"
# What stands before those that write or remove what a person keeps, or tell their events:
# no more than each needs.
_COUNTING, _MEASURING = "counting", "measuring"
_WHO_MEASURE = frozenset(("turn", "report", "remove"))
_WHO_COUNT = _WHO_MEASURE | {"submit", "stage", "accept_batch", "cancel", "retry", "end_batch"}
# First line of a script that runs though Redis is full:
# it frees something, or is small and must not fail.
ALLOW_OOM = "#!lua flags=allow-oom\n"


@cache
def load_scripts() -> dict[str, Script]:
    """Return the scripts by name. ``turn_by_force`` is ``turn``,
    but it writes though Redis is full."""
    texts = {path.stem: path.read_text() for path in _LUA.glob("*.lua")}
    counting, measuring = texts.pop(_COUNTING), texts.pop(_MEASURING)
    texts |= {name: _put_before(measuring, texts[name]) for name in _WHO_MEASURE}
    texts |= {name: _put_before(counting, texts[name]) for name in _WHO_COUNT}
    texts["turn_by_force"] = ALLOW_OOM + texts["turn"]
    texts["end_and_tell"] = _with_steps(texts, texts["end_and_tell"], ("turn", "offer_slot"))
    return {name: Script(text) for name, text in texts.items()}


def _with_steps(texts: Mapping[str, str], text: str, names: Iterable[str]) -> str:
    """Return a script after others that it runs as steps of its own, each a function of its KEYS
    and ARGV."""
    steps = (
        f"local function {name}(KEYS, ARGV)\n{texts[name].removeprefix(ALLOW_OOM)}\nend\n"
        for name in names
    )
    return f"{''.join(steps)}{text}"


def _put_before(counting: str, text: str) -> str:
    """Return a script after what it counts with;
    what it says of itself to Redis stays its first line."""
    flags = ALLOW_OOM if text.startswith(ALLOW_OOM) else ""
    return f"{flags}{counting}{text.removeprefix(flags)}"
