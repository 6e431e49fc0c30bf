"""A web server whose every page takes a while:
``python -m benchmarks.children.slow_pages <milliseconds> [file]`` prints its port.

A page is the file, else a thousand bytes.
"""

import asyncio
import sys
from pathlib import Path


async def _main(delay_s: float, body: bytes) -> None:
    page = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(delay_s)
        writer.write(page)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    content = Path(sys.argv[2]).read_bytes() if len(sys.argv) > 2 else b"x" * 1000
    asyncio.run(_main(int(sys.argv[1]) / 1000, content))
