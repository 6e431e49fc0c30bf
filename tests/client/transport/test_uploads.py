"""What is sent may change while it is sent, or have no size that anybody knows before."""

import asyncio
import os
import threading
from pathlib import Path

import pytest

from gatehouse import AsyncClient, Client
from gatehouse.protocol.wire import StreamedBody
from gatehouse.transport.uploads import upload

LINE = b'127.0.0.1 - - [20/Nov/2026:09:30:00 +0000] "GET / HTTP/1.1" 200 5\n'


def test_file_that_grows_meanwhile_is_sent_as_it_was(client: Client, tmp_path: Path) -> None:
    """An access log is written to all the time: what came behind its end is left out, by both
    clients."""
    file = tmp_path / "access.log"
    file.write_bytes(LINE * 2)
    body = _body_of(file)
    with file.open("ab") as opened:
        opened.write(LINE)
    assert b"".join(body.chunks()) == LINE * 2
    assert body.size == len(LINE * 2)

    async def send() -> int:
        async with AsyncClient(client.address, client.access.key) as other:
            return (await other.upload(file)).size

    assert client.upload(file).size == asyncio.run(send()) == len(LINE * 3)


def test_file_that_becomes_shorter_meanwhile_is_an_error_of_the_file(tmp_path: Path) -> None:
    """A log that was rotated: its size was promised already."""
    file = tmp_path / "access.log"
    file.write_bytes(LINE * 2)
    body = _body_of(file)
    file.write_bytes(LINE)
    with pytest.raises(OSError, match=r"access\.log became shorter while it was sent"):
        b"".join(body.chunks())


def test_pipe_by_its_path_is_sent_once(client: Client, tmp_path: Path) -> None:
    """``file=@<(zcat access.log.gz)``: nobody knows its size, and it can't be read again."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert not upload(pipe, name=None).may_repeat
    writer = threading.Thread(target=pipe.write_bytes, args=(LINE * 2,))
    writer.start()
    sent = client.upload(pipe, name="access.log")
    writer.join()
    assert (sent.name, sent.size) == ("access.log", len(LINE * 2))


def test_file_that_calls_itself_empty_is_read(client: Client, tmp_path: Path) -> None:
    """Linux says 0 of what it writes when it is read; an empty file is sent as well."""
    sent = client.upload("/proc/self/status")
    assert sent.size > 0
    file = tmp_path / "empty.txt"
    file.touch()
    assert client.upload(file).size == 0


def _body_of(file: Path) -> StreamedBody:
    body = upload(file, name=None).body
    assert isinstance(body, StreamedBody)
    return body
