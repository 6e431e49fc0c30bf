"""Start all of Gatehouse on one machine: ``script/server``, ``gatehouse-server``,
``python -m deploy.launcher``."""

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until a signal asks to stop. Returns the exit code."""
    from deploy.launcher.launch import run  # importing one module of this room needs no launcher

    return run(arguments)
