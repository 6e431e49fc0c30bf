"""How fast an upload must come, and that its room is kept for as long as it does."""

from collections.abc import Callable

from flask_api.jobs.errors import UploadTooSlow
from flask_api.jobs.files.upload_entries import RECEIVING_S, UploadEntries

# A sender is given so long, and then must have sent so many bytes for each second:
# a trickle would hold a thread for ever.
PATIENCE_S = 30.0
SLOWEST_BYTES_S = 16_384
RENEWED_EVERY_S = 60.0  # while something comes
FORGOTTEN = "Nothing of the file came for minutes: it was forgotten."


class UploadPace:
    """Watches one upload that begins now. Not thread-safe."""

    def __init__(
        self, entries: UploadEntries, file_id: str, *, owner_id: str, clock: Callable[[], float]
    ) -> None:
        self._entries = entries
        self._file_id = file_id
        self._owner_id = owner_id
        self._clock = clock
        self._begun = self._renewed_at = clock()

    def require(self, size: int) -> None:
        """Raise UploadTooSlow unless so many bytes, by now, may be kept: asked before each piece
        is, as one whose room was given to others is counted by nobody."""
        now = self._clock()
        if now - self._begun > PATIENCE_S + size / SLOWEST_BYTES_S:
            raise UploadTooSlow(
                f"The file came too slowly: send at least {SLOWEST_BYTES_S} bytes a second."
            )
        silent_s = now - self._renewed_at
        if silent_s < RENEWED_EVERY_S:
            return
        # So long a silence is enough: while Redis is away nobody can tell whose the room is.
        if silent_s > RECEIVING_S or not self._entries.renew(
            self._file_id, owner_id=self._owner_id
        ):
            raise UploadTooSlow(FORGOTTEN)
        self._renewed_at = now
