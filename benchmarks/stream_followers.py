"""The followers of benchmarks.streams, and what they follow:
a child that holds streams open while events are written.

Also the crowd: many who want to follow at once,
and ask again and again by ``?wait=`` when they are told to.
"""

import asyncio
import json
import threading
import time
from collections import Counter
from typing import Any

import redis

from benchmarks.answers import LOAD_CORE, pin, serve
from flask_api.jobs.records import keyspace

_TIMEOUT_S = 30.0
_EVENT = json.dumps({"event": "report", "progress": {"done": 1, "total": 100, "message": "step 1"}})


class Followers:
    """Streams in a thread of their own, and a second one that writes events."""

    def __init__(self, question: dict[str, Any]) -> None:
        self._question = question
        self._stop = threading.Event()
        self._events = 0
        self._written = 0
        self._opened: Counter[int] = Counter()
        self._ready = threading.Event()
        self._threads = [
            threading.Thread(target=lambda: asyncio.run(self._follow())),
            threading.Thread(target=self._write),
        ]
        for thread in self._threads:
            thread.start()
        self._ready.wait(_TIMEOUT_S)

    def close(self) -> dict[str, Any]:
        """Hang up; return how many streams were opened or refused,
        and how many events were written and read."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        return {"opened": dict(self._opened), "written": self._written, "read": self._events}

    async def _follow(self) -> None:
        people = self._question["people"]
        count = self._question["streams"]
        tasks = [
            asyncio.create_task(self._one(people[number % len(people)]["cookie"]))
            for number in range(count)
        ]
        while self._opened.total() < count:
            await asyncio.sleep(0.01)
        self._ready.set()
        while not self._stop.is_set():
            await asyncio.sleep(0.05)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _one(self, cookie: str) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._question["port"])
        try:
            writer.write(_request("/api/events", cookie))
            head = await reader.readuntil(b"\r\n\r\n")
            self._opened[int(head.split(b" ", 2)[1])] += 1
            while data := await reader.read(65_536):
                self._events += data.count(b"event: report")
        finally:
            writer.close()

    def _write(self) -> None:
        """Write so many events a second, in turn for each person, evenly in steps of 20 ms."""
        self._ready.wait(_TIMEOUT_S)
        people, step_s = self._question["people"], 0.02
        with redis.Redis.from_url(self._question["redis_url"]) as client:
            began = time.monotonic()
            while not self._stop.wait(step_s):
                due = (
                    int((time.monotonic() - began) * self._question["events_per_s"]) - self._written
                )
                with client.pipeline(transaction=False) as pipeline:
                    for number in range(self._written, self._written + due):
                        stream = keyspace.events(people[number % len(people)]["id"])
                        pipeline.xadd(stream, {"job": "bench", "event": _EVENT}, maxlen=10_000)
                    pipeline.execute()
                self._written += due


async def crowd(question: dict[str, Any]) -> dict[str, Any]:
    """Let so many want to follow for some seconds;
    return every answer's status, by what was asked for."""
    answers: Counter[str] = Counter()
    deadline = time.monotonic() + question["seconds"]
    people = question["people"]

    async def one(number: int) -> None:
        cookie = people[number % len(people)]["cookie"]
        status, retry_after_s = await _ask("/api/events", cookie, question["port"], until=deadline)
        answers[f"stream {status or 'under way at the end'}"] += 1
        while status != 200 and time.monotonic() < deadline:
            await asyncio.sleep(min(retry_after_s, max(0.0, deadline - time.monotonic())))
            poll, retry_after_s = await _ask(
                f"{question['job']}?wait=20", people[0]["cookie"], question["port"], until=deadline
            )
            answers[f"long-poll {poll or 'under way at the end'}"] += 1

    await asyncio.gather(*(one(number) for number in range(question["followers"])))
    return dict(answers)


async def _ask(path: str, cookie: str, port: int, *, until: float) -> tuple[int, float]:
    """Return status and Retry-After. A stream is read until the end of the benchmark; 0:
    not answered before it."""
    left_s = max(0.1, until - time.monotonic())
    status, retry_after_s = 0, 1.0
    try:
        async with asyncio.timeout(left_s):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(_request(path, cookie))
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                status = int(head.split(" ", 2)[1])
                retry_after_s = float((head.partition("retry-after: ")[2] or "1").split("\r\n")[0])
                while path == "/api/events" and status == 200 and await reader.read(65_536):
                    pass
            finally:
                writer.close()
    except TimeoutError:
        pass
    return status, retry_after_s


def _request(path: str, cookie: str) -> bytes:
    lines = [
        f"GET {path} HTTP/1.1",
        "Host: localhost",
        f"Cookie: {cookie}",
        "Connection: close",
        "",
        "",
    ]
    return "\r\n".join(lines).encode()


def answer(question: dict[str, Any], held: list[Followers]) -> dict[str, Any]:
    """Open followers, close them, or let a crowd come."""
    if question["do"] == "open":
        held.append(Followers(question))
        return {}
    if question["do"] == "close":
        return held.pop().close()
    return asyncio.run(crowd(question))


if __name__ == "__main__":
    pin(LOAD_CORE)
    _held: list[Followers] = []
    serve(lambda question: answer(question, _held))
