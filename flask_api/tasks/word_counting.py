"""Count the words of one part of a text file. Needs nothing but Python:
it is imported, and also run as a process of its own.

    python -I word_counting.py PATH START END

writes a dot for each block that is done, then {"counts": {"the": 12, ...}} or {"error": "..."} as
JSON. The dots also tell it that somebody listens:
when its job was cancelled, or the job's process died, the next dot ends it.
"""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

BLOCK = 1 << 20
LONGEST_WORD = 100
MOST_DISTINCT = 500_000

# Letters and digits of any script, with apostrophes inside. A longer word is counted as its pieces.
_WORD = re.compile(rf"[^\W_](?:['\u2019]?[^\W_]){{0,{LONGEST_WORD - 1}}}")
_SPACE = re.compile(rb"[ \t\n\r\v\f]")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class UncountableError(Exception):
    """The text can't be counted; the message says why."""


class PartProcess:
    """A process that counts one part. Starts at once; end it with :meth:`close` in any case."""

    def __init__(self, path: Path, start: int, end: int) -> None:
        command = [sys.executable, "-I", __file__, str(path), str(start), str(end)]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)

    def result(self) -> Counter[str]:
        """Wait for the counts. Raises UncountableError,
        and ChildProcessError when the process died."""
        output, _ = self._process.communicate()
        if self._process.returncode != 0:
            raise ChildProcessError(
                f"a process that counted words ended with {self._process.returncode}"
            )
        answer = json.loads(output.lstrip(b"."))
        if "error" in answer:
            raise UncountableError(answer["error"])
        return Counter(answer["counts"])

    def close(self) -> None:
        """End the process, by force if it still counts."""
        self._process.kill()
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()


def count_words(
    path: Path, start: int, end: int, *, on_block: Callable[[int], None]
) -> Counter[str]:
    """Count the words of bytes ``start`` to ``end`` of a UTF-8 text, without regard to case.

    Parts meet at spaces, so those that touch count each word once. Memory is bounded: one block,
    and the distinct words. ``on_block`` is told how many bytes are done.
    Raises UncountableError, and what ``on_block`` raises.
    """
    counts: Counter[str] = Counter()
    with path.open("rb") as stream:
        first = at = _boundary(stream, start)
        for block in _blocks(stream, first, _boundary(stream, end)):
            counts.update(_WORD.findall(_text(block, at)))
            if len(counts) > MOST_DISTINCT:
                raise UncountableError(f"There are more than {MOST_DISTINCT} distinct words.")
            at += len(block)
            on_block(at - first)
    return counts


def _boundary(stream: BinaryIO, position: int) -> int:
    """Return where the parts before and after ``position`` meet:
    at the first space from there on."""
    if position == 0:
        return (
            len(_BYTE_ORDER_MARK) if stream.read(len(_BYTE_ORDER_MARK)) == _BYTE_ORDER_MARK else 0
        )
    stream.seek(position)
    while block := stream.read(BLOCK):
        if found := _SPACE.search(block):
            return position + found.start()
        position += len(block)
    return position


def _blocks(stream: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    """Yield the bytes from ``start`` to ``end``, cut before a space where there is one."""
    stream.seek(start)
    rest, left = b"", end - start
    while left > 0 and (piece := stream.read(min(BLOCK, left))):
        left -= len(piece)
        block = rest + piece
        cut = len(block) if left == 0 else _last_cut(block)
        yield block[:cut]
        rest = block[cut:]


def _last_cut(block: bytes) -> int:
    """Return the position of the last space; in a block without one, that of the last character."""
    cut = max(block.rfind(space) for space in (b" ", b"\n", b"\t", b"\r", b"\v", b"\f"))
    if cut > 0:
        return cut
    cut = len(block) - 1
    # a byte that goes on with a character
    while cut > len(block) - 4 and block[cut] & 0xC0 == 0x80:
        cut -= 1
    return cut


def _text(block: bytes, at: int) -> str:
    try:
        return block.decode().lower()
    except UnicodeDecodeError as error:
        raise UncountableError(f"The text is not UTF-8: see byte {at + error.start}.") from None


def _dot(_done: int) -> None:
    os.write(sys.stdout.fileno(), b".")


def main() -> None:
    """Count one part and write the answer."""
    path, start, end = sys.argv[1:]
    try:
        answer: object = {"counts": count_words(Path(path), int(start), int(end), on_block=_dot)}
    except UncountableError as error:
        answer = {"error": str(error)}
    except BrokenPipeError:  # nobody listens any more
        sys.exit(1)
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
