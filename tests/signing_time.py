"""A time for signatures: Django's signer, which signs, and ours, which checks,
each read the clock of their own module."""

from types import SimpleNamespace

import django.core.signing
import pytest

import shared.contract.signing


def set_clock(monkeypatch: pytest.MonkeyPatch, now: float) -> None:
    """Let both read this time, in seconds since 1970."""
    for module in (django.core.signing, shared.contract.signing):
        monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: now))
