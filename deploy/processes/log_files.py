"""How large a log under var/ grows: a full one moves to ``<name>.log.1``, over what was there,
and an empty one is started.

The writer is another process, sometimes several that share one open file, so nothing is renamed
under it: the text is copied and the file emptied. That needs a writer that appends, as the
launcher's children and Valkey do. What is written between the last read and the emptying is lost:
a line, once in ten million bytes.
"""

import os
from contextlib import suppress
from pathlib import Path

LOG_BYTES = 10_000_000
_CHUNK = 1 << 20


def keep_short(log_file: Path, *, max_bytes: int = LOG_BYTES) -> bool:
    """Empty a log that has more than ``max_bytes``, keeping its last ``max_bytes`` beside it;
    tell whether that was done.

    Of a full disk the copy is not kept: the log is emptied all the same.
    """
    try:
        if log_file.stat().st_size <= max_bytes:
            return False
    except FileNotFoundError:
        return False
    with suppress(OSError):
        _copy_end(log_file, log_file.with_name(f"{log_file.name}.1"), max_bytes)
    os.truncate(log_file, 0)
    return True


def _copy_end(log_file: Path, kept: Path, max_bytes: int) -> None:
    new = kept.with_name(f"{kept.name}.new")
    new.unlink(missing_ok=True)
    try:
        # 0600 as the log itself.
        with (
            log_file.open("rb") as source,
            os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target,
        ):
            source.seek(-min(max_bytes, log_file.stat().st_size), os.SEEK_END)
            while chunk := source.read(_CHUNK):
                target.write(chunk)
        new.replace(kept)
    finally:
        new.unlink(missing_ok=True)
