"""A call of a Django task as the arguments of a job: signed, so that only Django's side makes one.

The engine's task can be submitted by everybody who may submit jobs. What it is asked to call is
signed with SECRET_KEY for this very job: nobody chooses a function, or has one called again.
"""

import json
from dataclasses import dataclass
from typing import Any

from django.core.signing import BadSignature, Signer

JOB_TASK = "django.task"
ERROR_FILE = "error.json"
_SALT = "gatehouse.tasks_backend"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCall:
    """Which task is called, of which backend, with what."""

    path: str
    backend: str
    args: list[Any]
    kwargs: dict[str, Any]

    def arguments(self, job_id: str) -> dict[str, Any]:
        """Return the job's arguments, signed."""
        signature = Signer(salt=_SALT).signature(self._text(job_id))
        return {
            "path": self.path,
            "backend": self.backend,
            "args": self.args,
            "kwargs": self.kwargs,
            "signature": signature,
        }

    def is_signed(self, job_id: str, signature: str) -> bool:
        """Tell whether Django's side signed this call for this job."""
        signer = Signer(salt=_SALT)
        try:
            signer.unsign(f"{self._text(job_id)}{signer.sep}{signature}")
        except BadSignature:
            return False
        return True

    def _text(self, job_id: str) -> str:
        return json.dumps([job_id, self.path, self.backend, self.args, self.kwargs], sort_keys=True)
