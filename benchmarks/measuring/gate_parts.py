"""Where the time of our gate goes: its parts measured alone, in one process,
against the same Redis; then a profile.

Wall time is what one request waits; processor time is what bounds the throughput of a busy process,
which waits for one request while it works on another.
"""

import cProfile
import io
import json
import pstats
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable
from pathlib import Path
from statistics import median

from benchmarks.children.wsgi_calls import call
from benchmarks.measuring.answers import SERVER_CORE, pin
from benchmarks.measuring.context import Context
from benchmarks.measuring.figures import GATED, OPEN
from benchmarks.peers.gate.gatehouse import create_app
from flask_api.gate.state import gate_state
from shared.contract.entries import principal_entry, session_entry
from shared.contract.principal import decode_principal
from shared.contract.session import SessionFormat
from shared.contract.signing import EntrySigner

_SLICES = 20
_PROFILE_LINES = 20

Parts = dict[str, Callable[[], object]]


def where(context_file: Path, cookie: str, *, requests: int) -> str:
    """Return the breakdown for a person to read."""
    pin(SERVER_CORE)
    app = create_app(str(context_file))
    state = gate_state(app)
    session_key = cookie.partition("=")[2]
    signer = EntrySigner([Context.load(str(context_file)).session_secret])
    entry = session_entry(session_key)
    session = str(state.store.read(lambda client: client.get(entry)))
    user_id = str(state.guards.identify_session(session_key).principal.id)
    owner = principal_entry(user_id)
    principal = str(state.store.read(lambda client: client.get(owner)))
    sessions = SessionFormat(signer, state.settings.lifetimes)
    costs = _costs_us(
        {
            "request, gated": lambda: call(app, GATED, cookie),
            "request, open": lambda: call(app, OPEN, ""),
            "gate: identify_session, all of it": lambda: state.guards.identify_session(session_key),
            "  Redis: one entry (GET)": lambda: state.store.read(lambda client: client.get(entry)),
            "  Redis: both entries at once (MGET)": lambda: state.store.read(
                lambda client: client.mget(entry, owner)
            ),
            "  decode session: signature, JSON, life-times": lambda: sessions.decode(
                entry, session, now=time.time()
            ),
            "  decode principal: signature, JSON, checks": lambda: decode_principal(
                signer, user_id, principal
            ),
            "    of both, signatures and JSON": lambda: (
                signer.unsign(entry, session),
                signer.unsign(owner, principal),
            ),
            "    of both, base64 and JSON": lambda: (_plain(session), _plain(principal)),
        },
        requests,
    )
    profile = _profile(lambda: call(app, GATED, cookie), requests)
    return "\n".join(_table(costs, requests)) + "\n" + profile


def _table(costs: dict[str, tuple[float, float]], requests: int) -> list[str]:
    lines = [f"{'microseconds, each part measured alone':<52}{'wall':>8}{'processor':>11}"]
    lines += [
        f"{name:<52}{wall:>8.1f}{processor:>11.1f}" for name, (wall, processor) in costs.items()
    ]
    lines += [
        "",
        f"Profile of {requests} gated requests (profiling makes small functions look "
        "slower than they are):",
    ]
    return lines


def _costs_us(parts: Parts, requests: int) -> dict[str, tuple[float, float]]:
    """Return the median wall and processor time of each part;
    slices take turns, so that noise meets all alike."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in parts}
    per_slice = max(1, requests // _SLICES)
    for _ in range(_SLICES):
        for name, part in parts.items():
            began, busy_from = time.perf_counter(), time.process_time()
            for _ in range(per_slice):
                part()
            elapsed, busy = time.perf_counter() - began, time.process_time() - busy_from
            times[name].append((1e6 * elapsed / per_slice, 1e6 * busy / per_slice))
    return {
        name: (median(wall for wall, _ in rows), median(busy for _, busy in rows))
        for name, rows in times.items()
    }


def _plain(value: str) -> object:
    body = value.partition(":")[0]
    return json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def _profile(request: Callable[[], object], requests: int) -> str:
    profiler = cProfile.Profile()
    profiler.enable()
    for _ in range(requests):
        request()
    profiler.disable()
    text = io.StringIO()
    pstats.Stats(profiler, stream=text).strip_dirs().sort_stats("tottime").print_stats(
        _PROFILE_LINES
    )
    return text.getvalue()
