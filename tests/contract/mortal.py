"""A process that dies at one of its writes."""

from collections.abc import Callable
from typing import Any, TypeVar

from shared.errors import JobStoreUnavailable
from shared.redis import RedisClient, RedisGateway, Script

T = TypeVar("T")


class Dies(Exception):
    """The process is killed here."""


class Mortal(RedisGateway):
    """A way to Redis on which the process dies at one of its writes:
    before it, or after it with the answer lost."""

    def __init__(self, client: RedisClient) -> None:
        super().__init__(client, unavailable=JobStoreUnavailable)
        self.writes_left: float = float("inf")

    def write(self, command: Callable[[RedisClient], T]) -> T:
        """Write, while it lives."""
        self.writes_left -= 0.5
        if self.writes_left <= 0:
            raise Dies
        answer = super().write(command)
        self.writes_left -= 0.5
        if self.writes_left <= 0:
            raise Dies
        return answer

    def run(self, script: Script, keys: Any, arguments: Any) -> Any:
        """Run a script, while it lives."""
        return self.write(lambda client: script.run(client, keys, arguments))
