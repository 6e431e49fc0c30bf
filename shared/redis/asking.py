"""A question to several servers, with one deadline for all of them.

They are asked in their order. While one is silent the next is asked as well, beside it: one that
accepts and says nothing costs a moment, not its whole time-out, and all of them together cost
little more than one. A server that is slow, though each of its replies is in time, is heard.

And the question for a server's name, which has no time-out of its own: a resolver that hangs would
hold whoever needs a connection for half a minute. A name is asked for in a thread, one for all who
wait for it; an address costs none, and neither does a command on a connection that is there.
"""

import socket
import threading
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

Server = TypeVar("Server", bound=Hashable)
Answer = TypeVar("Answer")
Place = tuple[str, int, int]  # a name, a port, a family of addresses


class Questions(Generic[Server]):
    """What was asked, until it is answered: of each server one thing at a time. A name that nobody
    resolves has no time-out, and whoever needs a connection would leave a thread with it.

    For one look after the other.
    """

    def __init__(self) -> None:
        self._open: dict[Server, threading.Thread] = {}

    def ask_each(
        self,
        ask: Callable[[Server], Answer],
        servers: Sequence[Server],
        *,
        timeout_s: float,
        longest_s: float,
    ) -> Iterator[tuple[Server, Answer | RedisError]]:
        """Yield what servers answer, or with which of redis-py's errors asking failed, as it comes;
        of those only that have nothing left to answer from a look before. ``timeout_s`` is for one
        reply, of which a question takes several. Ends with the last answer, or after ``longest_s``:
        who has not answered by then is not heard, and ``ask`` ends by its own time-outs. Blocks.
        Raises what else ``ask`` raises."""
        answers: SimpleQueue[tuple[Server, Answer | Exception]] = SimpleQueue()
        deadline = time.monotonic() + longest_s
        # The last is asked after half of a time-out, if all before it are silent.
        patience_s = timeout_s / (2 * max(1, len(servers)))
        left, awaited = list(servers), 0
        while left or awaited:
            remaining_s = deadline - time.monotonic()
            if remaining_s <= 0:
                return
            if left:
                server = left.pop(0)
                if self._is_open(server):
                    continue
                self._start(server, partial(self._answer, ask, server, answers))
                awaited += 1
            try:
                server, answer = answers.get(
                    timeout=min(patience_s, remaining_s) if left else remaining_s
                )
            except Empty:
                continue
            awaited -= 1
            if isinstance(answer, Exception) and not isinstance(answer, RedisError):
                raise answer
            yield server, answer

    def _is_open(self, server: Server) -> bool:
        thread = self._open.get(server)
        return thread is not None and thread.is_alive()  # none is in a process that was forked

    def _start(self, server: Server, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name="gatehouse-asks-redis", daemon=True)
        self._open[server] = thread
        try:
            thread.start()
        except RuntimeError as error:
            raise RedisConnectionError("There is no thread to ask who the primary is.") from error

    def _answer(
        self,
        ask: Callable[[Server], Answer],
        server: Server,
        answers: SimpleQueue[tuple[Server, Answer | Exception]],
    ) -> None:
        answer: Answer | Exception
        try:
            answer = ask(server)
        except Exception as error:  # it is raised, or told, where the answers are read
            answer = error
        del self._open[server]  # before it is heard: who hears it may ask at once
        answers.put((server, answer))


class UnresolvedError(TimeoutError):
    """Nobody resolved a server's name in time."""


class _Question:
    """A name that is asked for in a thread; ``forget`` is called when that ends."""

    def __init__(self, place: Place, forget: Callable[["_Question"], None]) -> None:
        self._place = place
        self._forget = forget
        self._addresses: list[str] = []
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._ask, name="gatehouse-resolves", daemon=True)

    @property
    def is_open(self) -> bool:
        """True while it is asked: not in a process that was forked, whose thread is another's."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Ask. Raises OSError when there is no thread for it."""
        try:
            self._thread.start()
        except RuntimeError as error:
            raise OSError("There is no thread to resolve the server's name.") from error

    def wait(self, timeout_s: float | None) -> list[str]:
        """Return the answer. Raises UnresolvedError, and what ``getaddrinfo`` raised."""
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            raise UnresolvedError("The server's name is not resolved in time.")
        if self._failure:  # a new one for each who waited: to raise it writes into it
            raise type(self._failure)(*self._failure.args)
        return self._addresses

    def _ask(self) -> None:
        try:
            self._addresses = _resolve(self._place)
        except Exception as error:
            self._failure = error
        finally:
            self._forget(self)


class Names:
    """Asks for each name once at a time. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[Place, _Question] = {}

    def addresses_of(self, place: Place, *, timeout_s: float | None) -> list[str]:
        """Return the addresses of a name. Raises UnresolvedError when they don't come in time, and
        what ``getaddrinfo`` raises."""
        with suppress(socket.gaierror):  # a name
            return _resolve(place, socket.AI_NUMERICHOST)
        with self._lock:
            question = self._open.get(place)
            if question is None or not question.is_open:
                question = self._open[place] = _Question(place, self._forget)
                question.start()
        return question.wait(timeout_s)

    def _forget(self, question: _Question) -> None:
        with self._lock:
            for place in [each for each, asked in self._open.items() if asked is question]:
                del self._open[place]


def _resolve(place: Place, flags: int = 0) -> list[str]:
    host, port, family = place
    found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, 0, flags)
    return [_text_of(address) for *_, address in found]


def _text_of(address: tuple[Any, ...]) -> str:
    """Return an address as somebody writes it: a link's own is of one interface, by its number."""
    host, _, *about = address
    return f"{host}%{about[1]}" if len(about) == 2 and about[1] else str(host)
