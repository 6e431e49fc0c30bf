"""E-mail as files in a folder, for a machine of one's own:
the newest stay, the oldest go before the folder grows too large."""

from contextlib import suppress
from pathlib import Path

from django.core.mail.backends.filebased import EmailBackend as FileBackend

FOLDER_BYTES = 10_000_000
FOLDER_FILES = 1_000


class EmailBackend(FileBackend):
    """Django's, with a folder of at most FOLDER_BYTES and FOLDER_FILES before each new file."""

    def open(self) -> bool | None:
        """Make room, then open the file."""
        remove_oldest(Path(self.file_path))
        return super().open()


def remove_oldest(
    folder: Path, *, max_bytes: int = FOLDER_BYTES, max_files: int = FOLDER_FILES
) -> None:
    """Remove the oldest mails until one more file fits into the bounds."""
    # a name begins with the time
    newest_first = sorted(folder.glob("*.log"), key=lambda file: file.name, reverse=True)
    total = 0
    for number, file in enumerate(newest_first, start=1):
        with suppress(FileNotFoundError):  # another process was quicker
            total += file.stat().st_size
            if total > max_bytes or number >= max_files:
                file.unlink()
