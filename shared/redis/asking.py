"""A question to several servers, with one deadline for all of them.

They are asked in their order. While one is silent the next is asked as well, beside it: one that
accepts and says nothing costs a moment, not its whole time-out, and all of them together cost
little more than one. A server that is slow, though each of its replies is in time, is heard.

And the question for a server's name, which has no time-out of its own: a resolver that hangs would
hold whoever needs a connection for half a minute. A name is asked for in a thread, one for all who
wait for it; an address costs none, and neither does a command on a connection that is there. What
comes later than anybody waits serves who asks next.
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

# Each question that is asked meanwhile brings newer ones. New connections are rare where pools keep
# them: were it shorter, many would be a first one to a slow resolver. RFC 8767 allows days.
_ADDRESSES_KEPT_S = 600.0
_FAILURE_KEPT_S = 1.0
_NAMES_KEPT = 64
# Of a time-out, for a resolver that was late before: most of it would be waited for nothing.
_SHARE_OF_SLOW = 0.25


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
    """A name that is asked for in a thread; ``ended`` is called when that ends."""

    def __init__(
        self, resolve: Callable[[], list[str]], ended: Callable[["_Question"], None]
    ) -> None:
        self._resolve = resolve
        self._ended = ended
        self._addresses: list[str] = []
        self.failure: Exception | None = None
        self.was_late = False  # somebody went without the answer
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
            self.was_late = True
            raise UnresolvedError("The server's name is not resolved in time.")
        return self.answer()

    def answer(self) -> list[str]:
        """Return the answer of a question that has ended. Raises what ``getaddrinfo`` raised."""
        if self.failure:  # a new one for each who asks: to raise it writes into it
            raise type(self.failure)(*self.failure.args)
        return self._addresses

    def _ask(self) -> None:
        try:
            self._addresses = self._resolve()
        except Exception as error:
            self.failure = error
        finally:
            self._ended(self)


class Names:
    """Asks for each name once at a time. Thread-safe.

    A resolver may always take longer than anybody waits: behind a nameserver that is silent it
    takes five seconds. So its last answer is kept for those to whom the next one is late.
    """

    def __init__(
        self,
        *,
        resolve: Callable[[Place], list[str]] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._resolve = resolve or _resolve
        self._now = now
        self._lock = threading.Lock()
        self._open: dict[Place, _Question] = {}
        self._kept: dict[Place, tuple[_Question, float]] = {}  # until when; the oldest first

    def addresses_of(self, place: Place, *, timeout_s: float | None) -> list[str]:
        """Return the addresses of a name. Raises UnresolvedError when they don't come in time and
        none are kept, and what ``getaddrinfo`` raised."""
        with suppress(socket.gaierror):  # a name
            return _resolve(place, socket.AI_NUMERICHOST)
        with self._lock:
            last = self._find_kept(place)
            question = self._open.get(place)
            if question is None or not question.is_open:
                question = _Question(partial(self._resolve, place), partial(self._keep, place))
                try:
                    question.start()
                except OSError:
                    if last:
                        return last.answer()
                    raise
                self._open[place] = question
        if last and timeout_s is not None and (last.was_late or question.was_late):
            timeout_s *= _SHARE_OF_SLOW
        try:
            return question.wait(timeout_s)
        except UnresolvedError:
            if last is None:
                raise
            return last.answer()

    def _find_kept(self, place: Place) -> _Question | None:
        question, until_s = self._kept.get(place, (None, 0.0))
        return question if self._now() < until_s else None

    def _keep(self, place: Place, question: _Question) -> None:
        with self._lock:
            if self._open.get(place) is question:
                del self._open[place]
            last = self._find_kept(place)
            if question.failure and last and not last.failure:
                return  # a resolver that is away says so after long: the addresses are still good
            self._kept.pop(place, None)
            kept_s = _FAILURE_KEPT_S if question.failure else _ADDRESSES_KEPT_S
            self._kept[place] = question, self._now() + kept_s
            if len(self._kept) > _NAMES_KEPT:
                del self._kept[next(iter(self._kept))]


def _resolve(place: Place, flags: int = 0) -> list[str]:
    host, port, family = place
    found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, 0, flags)
    return [_text_of(address) for *_, address in found]


def _text_of(address: tuple[Any, ...]) -> str:
    """Return an address as somebody writes it: a link's own is of one interface, by its number."""
    host, _, *about = address
    return f"{host}%{about[1]}" if len(about) == 2 and about[1] else str(host)
