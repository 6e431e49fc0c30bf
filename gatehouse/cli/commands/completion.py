"""Shell completion: click's script, and names of tasks that the server gave lately.

A shell waits at its prompt for the answer, so the server is given a second at most, and its answer
is kept for five minutes. Nothing here ever complains: a completion that fails completes nothing.
"""

import json
import os
import time
from pathlib import Path
from typing import Any
from zlib import crc32

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
)

from gatehouse.cli.command import command
from gatehouse.cli.output import put
from gatehouse.config import find_access
from gatehouse.transport.downloads import Target

TIMEOUT_S = 1.0
_KEPT_S = 300.0
_MAX_BYTES = 4_000_000


@command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    \b
    bash:  gatehouse completion bash > ~/.local/share/bash-completion/completions/gatehouse
    zsh:   gatehouse completion zsh > ~/.zfunc/_gatehouse
    fish:  gatehouse completion fish > ~/.config/fish/completions/gatehouse.fish
    """
    kinds: dict[str, type[ShellComplete]] = {
        "bash": BashComplete,
        "zsh": ZshComplete,
        "fish": FishComplete,
    }
    put(kinds[shell](context.find_root().command, {}, "gatehouse", "_GATEHOUSE_COMPLETE").source())


def complete_task(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem[Any]]:
    """Complete the name of a task."""
    tasks = known_tasks()
    return [
        CompletionItem(each["name"], help=each.get("summary"))
        for each in tasks
        if each["name"].startswith(incomplete)
    ]


def known_tasks() -> list[dict[str, Any]]:
    """Return the server's tasks, from the cache while it is fresh;
    none when the server can't be asked just now."""
    try:
        return _known_tasks()
    except Exception:  # a shell's prompt is the wrong place to show any of them
        return []


def _known_tasks() -> list[dict[str, Any]]:
    import platformdirs

    access = find_access()
    file = (
        Path(platformdirs.user_cache_dir("gatehouse", appauthor=False))
        / f"tasks-{crc32(access.address.encode()):08x}.json"
    )
    kept = _read(file)
    if kept is not None:
        return kept
    from gatehouse import Client

    with Client(timeout_s=TIMEOUT_S, patience_s=0) as client:
        tasks = [dict(task.raw) for task in client.tasks()]
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with Target(file, name=file.name).open() as opened:
        opened.write(json.dumps(tasks).encode())
    return tasks


def _read(file: Path) -> list[dict[str, Any]] | None:
    """Return what is kept, None when it is old, absent or nothing of ours."""
    try:
        with file.open("rb") as opened:
            if not 0 <= time.time() - os.fstat(opened.fileno()).st_mtime < _KEPT_S:
                return None
            tasks = json.loads(opened.read(_MAX_BYTES))
        return [dict(task) for task in tasks if isinstance(task["name"], str)]
    except (OSError, ValueError, TypeError, KeyError):
        return None
