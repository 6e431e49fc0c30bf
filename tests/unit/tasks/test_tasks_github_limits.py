"""Rate limits by a clock of the test's own:
which answers ask for how long a wait, and when it is too long."""

from email.utils import formatdate

import httpx
import pytest

from flask_api.jobs.errors import JobCancelled, StopReason
from flask_api.jobs.tasks.context import JobContext
from flask_api.jobs.tasks.inline import InlineReporter
from flask_api.tasks.github.errors import RateLimited
from flask_api.tasks.github.limits import RateLimit
from shared.settings import ApiSettings

NOW = 1_800_000_000


class Bench:
    """A limit whose pauses are added up instead of made."""

    def __init__(self, max_wait_s: float = 100) -> None:
        self.waited_s = 0.0
        self.steps = 0
        self.stop_after_s = float("inf")
        job = JobContext(
            job_id="1",
            attempt=1,
            settings=ApiSettings.model_construct(),
            reporter=InlineReporter(),
            must_stop=lambda: StopReason.CANCELLED if self.waited_s >= self.stop_after_s else None,
        )
        self.limit = RateLimit(job, max_wait_s=max_wait_s, now=lambda: NOW, pause=self._pause)

    def _pause(self, seconds: float) -> None:
        self.steps += 1
        self.waited_s += seconds

    def heed(self, status: int, **headers: str) -> bool:
        """Give the limit an answer and wait; return whether the request must be made again."""
        sent = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
        again = self.limit.heed(status, httpx.Headers(sent))
        self.limit.wait()
        return again


def reset_in(seconds: int) -> str:
    """Return the header for a limit that is reset so much later."""
    return str(NOW + seconds)


@pytest.mark.parametrize(
    ("status", "headers", "again", "waited_s"),
    [
        (200, {}, False, 0),
        (200, {"X_RateLimit_Remaining": "1", "X_RateLimit_Reset": reset_in(50)}, False, 0),
        (200, {"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": reset_in(50)}, False, 51),
        (200, {"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": reset_in(-50)}, False, 0),
        (200, {"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": "soon"}, False, 0),
        (403, {"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": reset_in(50)}, True, 51),
        (403, {"X_RateLimit_Remaining": "7", "X_RateLimit_Reset": reset_in(50)}, False, 0),
        (403, {}, False, 0),
        (403, {"Retry_After": "20"}, True, 20),
        (403, {"Retry_After": "soon"}, True, 60),
        (429, {}, True, 60),
        (
            429,
            {"Retry_After": "20", "X_RateLimit_Remaining": "0", "X_RateLimit_Reset": reset_in(50)},
            True,
            20,
        ),
        (429, {"Retry_After": "0"}, True, 1),
        (429, {"Retry_After": "-5"}, True, 60),
        (429, {"Retry_After": "1e99"}, True, 60),
        (429, {"Retry_After": "\u0664"}, True, 60),
        (429, {"Retry_After": formatdate(NOW + 30, usegmt=True)}, True, 30),
        (429, {"Retry_After": formatdate(NOW - 30, usegmt=True)}, True, 1),
        (429, {"Retry_After": "Fri, 99 Foo 2026 99:99:99 GMT"}, True, 60),
        (503, {"Retry_After": "20"}, True, 20),
        (503, {}, False, 0),
        (404, {"Retry_After": "20"}, False, 0),
    ],
)
def test_answer_asks_for_a_wait(
    status: int, headers: dict[str, str], again: bool, waited_s: float
) -> None:
    """By the first header that can be read, at least a second when refused,
    a minute when nothing says how long."""
    bench = Bench()
    assert bench.heed(status, **headers) is again
    assert bench.waited_s == pytest.approx(waited_s)
    assert bench.steps >= 4 * waited_s


def test_wait_is_made_once() -> None:
    """The request after it is not held up again."""
    bench = Bench()
    bench.heed(429, Retry_After="20")
    bench.limit.wait()
    assert bench.waited_s == 20


@pytest.mark.parametrize("seconds", ["101", "999999999999"])
def test_longer_wait_than_allowed_is_refused_at_once(seconds: str) -> None:
    """Waiting in vain would hold a slot; the message says how long it is."""
    bench = Bench()
    with pytest.raises(RateLimited, match=f"{seconds} s"):
        bench.heed(429, Retry_After=seconds)
    assert bench.waited_s == 0


def test_all_waits_together_are_bounded() -> None:
    """A server that refuses for ever, a second at a time, does not hold the slot for ever."""
    bench = Bench(max_wait_s=10)
    for _ in range(10):
        assert bench.heed(429, Retry_After="0")
    with pytest.raises(RateLimited):
        bench.heed(429, Retry_After="0")
    assert bench.waited_s == 10


def test_cancel_ends_a_wait() -> None:
    """Within a step."""
    bench = Bench()
    bench.stop_after_s = 3
    with pytest.raises(JobCancelled):
        bench.heed(429, Retry_After="60")
    assert bench.waited_s == 3
