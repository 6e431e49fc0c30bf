"""How often and when an attempt is made again."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_api.jobs.tasks.policy import Policy
from shared.errors import ConfigurationError


@given(
    backoff_s=st.floats(0.01, 100),
    cap_s=st.floats(0.01, 1000),
    attempt=st.integers(1, 5000),
)
def test_delay_is_exponential_within_its_cap(backoff_s: float, cap_s: float, attempt: int) -> None:
    """Between half of the doubled time and all of it, never above the cap,
    for any number of attempts."""
    longest = min(cap_s, backoff_s * 2.0 ** min(attempt - 1, 100))
    delay = Policy(backoff_s=backoff_s, backoff_cap_s=cap_s, max_attempts=5001).retry_delay_s(
        attempt
    )
    assert longest / 2 <= delay <= longest


def test_delays_are_spread() -> None:
    """A thousand jobs that failed together don't come back together."""
    delays = [Policy(backoff_s=8).retry_delay_s(1) for _ in range(1000)]
    assert len(set(delays)) > 900
    assert min(delays) < 4.4
    assert max(delays) > 7.6


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ConnectionResetError(), True),  # a kind of retry_on
        (ConnectionRefusedError(), False),  # never_retry is stronger
        (TimeoutError(), True),
        (ValueError(), False),
        (SystemExit(), False),
        (KeyboardInterrupt(), False),
    ],
)
def test_only_named_errors_are_tried_again(error: BaseException, expected: bool) -> None:
    """By class, kinds of it included."""
    policy = Policy(retry_on=(ConnectionError, TimeoutError), never_retry=(ConnectionRefusedError,))
    assert policy.may_retry(error) is expected


def test_by_default_no_error_is_tried_again() -> None:
    """Three attempts are for processes that die, not for code that fails."""
    assert Policy().max_attempts == 3
    assert not Policy().may_retry(OSError())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_attempts", 0),
        ("max_attempts", -1),
        ("timeout_s", 0),
        ("timeout_s", -0.5),
        ("ttl_s", 0),
        ("max_running", 0),
    ],
)
def test_policy_that_can_not_work_is_refused(name: str, value: Any) -> None:
    """When the task is made, with the name of the number."""
    with pytest.raises(ConfigurationError, match=name):
        Policy(**{name: value})
