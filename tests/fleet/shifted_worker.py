"""A worker on a machine whose clock is wrong by so many seconds as WRONG_CLOCK_S says.

Not the kernel's clock, which all processes of this machine share: what this process, and what it
forks, are told by Python. What asks the kernel itself (TLS, RQ's and Celery's own notes) is told
the truth.
"""

import datetime
import os
import sys
import time

_OFF_S = float(os.environ["WRONG_CLOCK_S"])
_real_time = time.time


class _WrongDate(datetime.datetime):
    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> "_WrongDate":
        return cls.fromtimestamp(time.time(), tz)


def _wrong_time() -> float:
    return _real_time() + _OFF_S


time.time = _wrong_time
datetime.datetime = _WrongDate  # type: ignore[misc]

if __name__ == "__main__":
    from flask_api.jobs.workers.remote.__main__ import main

    sys.exit(main())
