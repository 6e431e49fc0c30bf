"""What a distributed engine has to do here: carry an entry to one worker. All else is ours."""

from typing import Protocol


class Carrier(Protocol):
    """Brings entries to workers. Thread-safe."""

    def send(self, worker: str, entry_id: str, signed: str) -> None:
        """Bring a signed entry to a worker. An entry that was sent before may come twice, or once:
        it begins once. Raises whatever the engine raises when its broker is away."""

    def close(self) -> None:
        """Close connections. Idempotent."""
