"""Kills parts of a house at random moments and starts them again."""

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.chaos.house import House, Server, now
from tests.chaos.processes import pool_children_of, send, tree_of
from tests.rabbitmq_server import RabbitMqServer

_PATIENCE_S = 3.0


@dataclass(frozen=True, kw_only=True)
class Kill:
    """What was killed, when, and all processes that ended by it."""

    what: str
    at: float
    pids: list[int] = field(default_factory=list)


class Killer:
    """Chooses victims by a seeded chance, at random moments that are ``mean_s`` apart."""

    def __init__(
        self,
        house: House,
        *,
        seed: int,
        mean_s: float,
        is_short: bool = False,
        broker: RabbitMqServer | None = None,
    ) -> None:
        self.kills: list[Kill] = []
        self._house = house
        self._chance = random.Random(seed)
        self._mean_s = mean_s
        self._pause = threading.Event()
        # A server is back after two seconds and adopts after ten to thirteen more, and each Valkey
        # first reads all that was ever written:
        # killed much more often, nobody would live long enough to adopt anything.
        self._hands: dict[str, tuple[float, Callable[[], list[int] | None]]] = {
            "server": (0.5, self._kill_server),
            "child": (6.0, self._kill_child),
            "valkey": (0.3, self._kill_valkey),
        }
        if is_short:  # time to kill much, none to wait for chance
            self._hands |= {"server": (1.5, self._kill_server), "valkey": (1.0, self._kill_valkey)}
        elif house.servers[0].kind == "gunicorn":
            self._hands |= {
                "server": (0.15, self._kill_server),
                "worker": (0.35, self._kill_worker),
            }

        if house.carriers:
            self._hands["machine"] = (2.0 if is_short else 0.5, self._kill_machine)
        self._broker = broker
        if broker is not None:
            self._hands["broker"] = (1.0 if is_short else 0.3, self._kill_broker)

    @property
    def counts(self) -> dict[str, int]:
        """How many of what were killed."""
        return dict(Counter(kill.what for kill in self.kills))

    def kill(self) -> None:
        """Wait a random moment and kill something; return when it is on its way back."""
        self._pause.wait(self._chance.uniform(0, 2 * self._mean_s))
        what, chosen_at = self._choose(), time.monotonic()
        while True:
            for server in self._house.servers:
                server.check()
            for worker in self._house.workers:
                assert worker.is_running, worker.log.read_text()[-4000:]
            # Not another one at once: where no child is left,
            # servers would be killed in the children's place.
            if time.monotonic() - chosen_at > _PATIENCE_S:
                what, chosen_at = self._choose(), time.monotonic()
            at = now()
            pids = self._hands[what][1]()
            if pids is not None:
                self.kills.append(Kill(what=what, at=at, pids=pids))
                return
            self._pause.wait(0.02)

    def _choose(self) -> str:
        return self._chance.choices(
            list(self._hands), weights=[weight for weight, _ in self._hands.values()]
        )[0]

    def _live_server(self) -> Server | None:
        live = [server for server in self._house.servers if server.is_live()]
        return self._chance.choice(live) if live else None

    def _kill_server(self) -> list[int] | None:
        server = self._live_server()
        if server is None:
            return None
        pids = server.kill()
        server.start()
        return pids

    def _kill_worker(self) -> list[int] | None:
        server = self._live_server()
        if server is None or not server.engines:
            return None
        worker = self._chance.choice(server.engines)
        pids = tree_of(worker)
        send(worker, signal.SIGKILL)
        return pids

    def _kill_machine(self) -> list[int]:
        """Kill a worker on another machine, with all that runs there."""
        at = self._chance.randrange(len(self._house.workers))
        worker = self._house.workers[at]
        pids = tree_of(worker.pid)
        for pid in pids:
            send(pid, signal.SIGKILL)
        worker.kill()
        self._house.workers[at] = self._house.start_worker(self._house.carriers[at])
        return pids

    def _kill_child(self) -> list[int] | None:
        children = [child for server in self._house.servers for child in server.pool_children]
        children += [
            child for worker in self._house.workers for child in pool_children_of(worker.pid)
        ]
        if not children:
            return None
        child = self._chance.choice(children)
        send(child, signal.SIGKILL)
        return [child]

    def _kill_broker(self) -> list[int]:
        assert self._broker is not None
        self._broker.kill()
        self._pause.wait(self._chance.uniform(0, 1))
        self._broker.start_node()
        return []

    def _kill_valkey(self) -> list[int]:
        self._house.kill_valkey()
        self._pause.wait(self._chance.uniform(0, 1))
        self._house.start_valkey()
        return []
