"""Ours, asked by somebody who has 3,000 permissions: a view that asks for none doesn't see them."""

from benchmarks.measuring.context import Context
from benchmarks.peers.gate import gatehouse
from benchmarks.peers.gate.gatehouse import create_app

__all__ = ["create_app", "seed"]

PERMISSIONS = 3_000


def seed(context: Context) -> str:
    """Do what the other one does, for somebody else."""
    return gatehouse.seed(context, username="grace", permissions=PERMISSIONS)
