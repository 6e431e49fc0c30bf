"""A question to several servers, with one deadline for all of them.

They are asked in their order. While one is silent the next is asked as well, beside it: one that
accepts and says nothing costs a moment, not its whole time-out, and all of them together cost
little more than one. A server that is slow, though each of its replies is in time, is heard.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from queue import Empty, SimpleQueue
from typing import TypeVar

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

Server = TypeVar("Server")
Answer = TypeVar("Answer")


def ask_each(
    ask: Callable[[Server], Answer],
    servers: Sequence[Server],
    *,
    timeout_s: float,
    longest_s: float,
) -> Iterator[tuple[Server, Answer | RedisError]]:
    """Yield what servers answer, or with which of redis-py's errors asking failed, as it comes.
    ``timeout_s`` is for one reply, of which a question takes several. Ends with the last answer, or
    after ``longest_s``: who has not answered by then is not heard, and ``ask`` ends by its own
    time-outs. Blocks. Raises what else ``ask`` raises."""
    answers: SimpleQueue[tuple[Server, Answer | Exception]] = SimpleQueue()
    deadline = time.monotonic() + longest_s
    # The last is asked after half of a time-out, if all before it are silent.
    patience_s = timeout_s / (2 * max(1, len(servers)))
    left, open_questions = list(servers), 0
    while left or open_questions:
        remaining_s = deadline - time.monotonic()
        if remaining_s <= 0:
            return
        if left:
            _start(partial(_answer, ask, left.pop(0), answers))
            open_questions += 1
        try:
            server, answer = answers.get(
                timeout=min(patience_s, remaining_s) if left else remaining_s
            )
        except Empty:
            continue
        open_questions -= 1
        if isinstance(answer, Exception) and not isinstance(answer, RedisError):
            raise answer
        yield server, answer


def _start(work: Callable[[], None]) -> None:
    try:
        threading.Thread(target=work, name="gatehouse-asks-redis", daemon=True).start()
    except RuntimeError as error:
        raise RedisConnectionError("There is no thread to ask who the primary is.") from error


def _answer(
    ask: Callable[[Server], Answer],
    server: Server,
    answers: SimpleQueue[tuple[Server, Answer | Exception]],
) -> None:
    try:
        answers.put((server, ask(server)))
    except Exception as error:  # it is raised, or told, where the answers are read
        answers.put((server, error))
