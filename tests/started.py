"""What is started for the length of a block, and ended also when its start fails half-way."""

from abc import ABC, abstractmethod
from typing import Self


class Started(ABC):
    """Something that a ``with`` statement starts and ends."""

    @abstractmethod
    def start(self) -> None:
        """Start it; return when it can be used."""

    @abstractmethod
    def close(self) -> None:
        """End it, as far as it was started."""

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
