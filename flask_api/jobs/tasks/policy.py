"""How a task's attempts run: where, how long, how often, how long their outcome is kept."""

import random
from dataclasses import dataclass

from shared.errors import ConfigurationError

_LONGEST_VERSION = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a task declares about its attempts.

    An attempt whose process died counts as one of ``max_attempts``; an exception is tried again
    only if it is of ``retry_on`` and not of ``never_retry``.
    A task that must never run twice says ``max_attempts=1``.
    """

    executor: str = "threads"
    timeout_s: float | None = None
    max_attempts: int = 3
    retry_on: tuple[type[Exception], ...] = ()
    never_retry: tuple[type[Exception], ...] = ()
    backoff_s: float = 1.0  # before the second attempt; doubled before each further one
    backoff_cap_s: float = 60.0
    ttl_s: int | None = None  # how long an ended job is kept; None: the setting's
    max_running: int | None = None  # jobs of this task at once, in all processes together
    needs: str = ""  # a label that a worker on another machine must have: gpu
    version: str = ""  # part of the task's signature: a worker elsewhere must have the same

    def __post_init__(self) -> None:
        if self.max_attempts < 1:
            raise ConfigurationError("max_attempts must be at least 1")
        if len(self.version) > _LONGEST_VERSION:
            raise ConfigurationError(f"version must have {_LONGEST_VERSION} characters at most")
        for name in ("timeout_s", "ttl_s", "max_running"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ConfigurationError(f"{name} must be above 0")

    def may_retry(self, error: BaseException) -> bool:
        """Tell whether this error is worth another attempt, as far as the task says."""
        return isinstance(error, self.retry_on) and not isinstance(error, self.never_retry)

    def retry_delay_s(self, attempt: int) -> float:
        """Return how long to wait after this attempt:
        exponential, capped, and spread so that herds come apart."""
        longest = min(self.backoff_cap_s, self.backoff_s * 2.0 ** min(attempt - 1, 60))
        return longest * random.uniform(0.5, 1.0)  # noqa: S311  # spreads load, guards nothing
