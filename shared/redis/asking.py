"""A question to several servers, with one deadline for all of them.

They are asked in their order. While one is silent the next is asked as well, beside it: one that
accepts and says nothing costs a moment, not its whole time-out, and all of them together cost
little more than one. A server that is slow, though each of its replies is in time, is heard.
"""

import threading
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import partial
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

Server = TypeVar("Server", bound=Hashable)
Answer = TypeVar("Answer")


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
