"""What is to be submitted, byte for byte, and having the API accept it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypedDict, Unpack

from django_site.publishing.people import id_of
from django_site.submitting.asking import ask
from django_site.submitting.errors import ApiAway, SubmitRefused
from shared.job_ids import new_job_id

_CHECK = "/batches/check"
_LONGEST_KEY = 255
_LONGEST_NAME = 100  # of a task
# Of these a later moment changes nothing: they are about what was submitted.
_WRONG = frozenset({400, 404, 413, 422})


class OrderOptions(TypedDict, total=False):
    """What a submit may say beside task, arguments and person: as in the API."""

    idempotency_key: str
    priority: str
    start_at: datetime
    delay_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be submitted: ``body`` is the API's own, byte for byte."""

    job_id: str
    person_id: str
    task: str
    body: bytes
    idempotency_key: str = ""

    @property
    def key(self) -> str:
        """The Idempotency-Key that it is sent with: the job's own id, if no other was given."""
        return self.idempotency_key or self.job_id


def order_of(
    task: str,
    arguments: Mapping[str, Any],
    *,
    user: Any,
    job_id: str = "",
    **options: Unpack[OrderOptions],
) -> Order:
    """Return what is to be submitted. Raises TypeError or ValueError for what JSON can't hold, for
    a key that is none, and for somebody without an account."""
    if user is None or user.pk is None:
        raise ValueError("a job is somebody's: user must have an account")
    if len(task) > _LONGEST_NAME:
        raise ValueError("no task has so long a name")
    body: dict[str, Any] = {"task": task, "arguments": dict(arguments)}
    if "priority" in options:
        body["priority"] = options["priority"]
    start_at = _start_of(options)
    if start_at is not None:
        body["start_at"] = start_at.isoformat()
    text = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Order(
        job_id=job_id or new_job_id(),
        person_id=id_of(user.pk),
        task=task,
        body=text.encode(),
        idempotency_key=_key_of(options),
    )


def _key_of(options: OrderOptions) -> str:
    key = options.get("idempotency_key")
    if key is None:
        return ""
    if not 1 <= len(key) <= _LONGEST_KEY or not (key.isascii() and key.isprintable()):
        raise ValueError("idempotency_key must be 1 to 255 printable ASCII characters")
    return key


def _start_of(options: OrderOptions) -> datetime | None:
    start_at, delay_s = options.get("start_at"), options.get("delay_s")
    if delay_s is None:
        return start_at
    if start_at is not None:
        raise ValueError("give start_at or delay_s, not both")
    # from now, not from when it is sent
    return datetime.now(UTC) + timedelta(seconds=delay_s)


def accept(order: Order) -> str:
    """Have the API accept it and return the job's id; if it did before, nothing changes.
    Raises SubmitRefused or ApiAway."""
    answer = ask(
        order.person_id,
        "POST",
        "/jobs",
        order.body,
        job_id=order.job_id,
        idempotency_key=order.key,
    )
    job_id = answer.get("id") if isinstance(answer, dict) else None
    if not isinstance(job_id, str) or not job_id:
        raise ApiAway("The API's answer is no job.")
    return job_id


def check(order: Order) -> None:
    """Raise SubmitRefused if its task or arguments will be refused whenever it is sent.

    What is not sure now says nothing: the person may not be committed yet, the API be away.
    """
    body = json.loads(order.body)
    body.pop("start_at", None)
    text = json.dumps({**body, "arguments": [body["arguments"]]}, ensure_ascii=False).encode()
    try:
        ask(order.person_id, "POST", _CHECK, text, as_of_now=False)
    except ApiAway:
        return
    except SubmitRefused as error:
        if error.status in _WRONG:
            raise _of_one(error) from None


def _of_one(error: SubmitRefused) -> SubmitRefused:
    """Return a refusal of a set of arguments as one of the arguments."""
    errors = [
        {**line, "pointer": line["pointer"].replace("/arguments/0", "/arguments", 1)}
        for line in error.errors
    ]
    return SubmitRefused(error.status, {**error.said, "errors": errors})
