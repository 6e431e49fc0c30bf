"""Keep a job in the transaction that needs it, and send what is kept.

A person's rows are sent in the order of writing, each until the API has said yes or no: while it
is away, or the person is at a limit, the row waits, and so do the person's later ones. A row is
deleted after the API has accepted it. Who dies between the two leaves a row that is sent again, and
the API knows its id: there is no second job.
"""

import logging
import random
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, router
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from django_site.publishing.people import id_of
from django_site.submitting.errors import ApiAway, OutboxFull, SubmitError, SubmitRefused
from django_site.submitting.order import Order, accept
from shared.errors import ConfigurationError

log = logging.getLogger("gatehouse.submitting")

MOST_ROWS = 1_000  # of one person, refused ones included
REFUSED_KEPT = timedelta(days=30)
# The request that wrote a row sends it itself; the relay comes when it did not.
_GRACE = timedelta(seconds=5)
_LONGEST_PAUSE_S = 300
_AT_A_TIME = 100
# So long a job waits for room below its person's limits.
_PATIENCE = timedelta(days=1)
# What no later moment changes. What is refused for the person is asked again while they are active.
_FOR_GOOD = frozenset({400, 404, 409, 413, 422})


def keep(order: Order, *, user: Any, using: str | None) -> int:
    """Write a job to the outbox and return its row's key. Raises OutboxFull, and ConfigurationError
    when the app isn't installed or ``using`` is not the database that the outbox is in."""
    rows = _rows()
    if (using or DEFAULT_DB_ALIAS) != rows.db:
        raise ConfigurationError(
            f"the outbox is in the database {rows.db!r}: a job is kept in it with a transaction of "
            f"that one, using={rows.db!r}, not of {using or DEFAULT_DB_ALIAS!r}"
        )
    if rows.filter(person_id=user.pk).count() >= MOST_ROWS:
        raise OutboxFull(f"{MOST_ROWS} jobs of this person are in the outbox already.")
    row = rows.create(
        job_id=order.job_id,
        person_id=user.pk,
        task=order.task,
        body=order.body.decode(),
        idempotency_key=order.idempotency_key,
        next_try_at=timezone.now() + _GRACE,
    )
    return int(row.pk)


def relay() -> tuple[int, bool]:
    """Send what is due; return how many jobs were accepted, and whether the API is there.

    May run in any number of processes at once: each row becomes one job. One that fails in a way
    that nobody thought of holds up its own person's only.
    """
    accepted = 0
    for row in list(_heads().filter(next_try_at__lte=timezone.now())[:_AT_A_TIME]):
        try:
            count, is_there = relay_person(row.person_id)
        except Exception:
            log.exception("a job of the outbox could not be sent; it is tried again")
            _put_off(row.person_id)
            continue
        accepted += count
        if not is_there:
            return accepted, False
    return accepted, True


def relay_person(person_pk: Any) -> tuple[int, bool]:
    """Send what a person has in the outbox, as ``relay``: in order, up to the first that waits."""
    waiting = _rows().filter(person_id=person_pk, refused_at=None).order_by("pk")
    accepted = 0
    for _ in range(_AT_A_TIME):
        row = waiting.first()
        if row is None:
            break
        try:
            _send(row)
        except SubmitError as error:
            if not _settle(row, error):
                return accepted, not _is_away(error)
        else:
            accepted += 1
    return accepted, True


def send_now(row_pk: int) -> str | None:
    """Send a row that was just committed and return the job's id; None while earlier ones of its
    person wait. Raises what keeps it from being a job, which is noted on it."""
    row = _heads().filter(pk=row_pk).first()
    if row is None:
        return None
    try:
        return _send(row)
    except SubmitError as error:
        _settle(row, error)
        raise


def send_again(rows: "QuerySet[Any]") -> int:
    """Let refused rows be sent once more; return how many they are."""
    now = timezone.now()
    return rows.exclude(refused_at=None).update(
        refused_at=None, next_try_at=now, created_at=now, tries=0
    )


def forget_refused() -> None:
    """Delete what was refused long ago."""
    _rows().filter(refused_at__lt=timezone.now() - REFUSED_KEPT).delete()


def _rows() -> "QuerySet[Any]":
    if not apps.is_installed("django_site.submitting"):
        raise ConfigurationError(
            'the outbox needs "django_site.submitting" in INSTALLED_APPS, and its migration'
        )
    model: Any = apps.get_model("gatehouse_submitting", "OutboxJob")
    rows: QuerySet[Any] = model.objects.using(router.db_for_write(model))
    return rows


def _heads() -> "QuerySet[Any]":
    """Return the first row of each person that waits."""
    earlier = _rows().filter(
        person_id=OuterRef("person_id"), refused_at=None, pk__lt=OuterRef("pk")
    )
    return _rows().filter(~Exists(earlier), refused_at=None).order_by("pk")


def _send(row: Any) -> str:
    """Have the API accept a row, then delete it; return the job's id."""
    try:
        job_id = accept(_order_of(row))
    except SubmitRefused as error:
        if not error.is_of_a_job_that_was:
            raise
        job_id = str(row.job_id)
    _forget(row)
    return job_id


def _forget(row: Any) -> None:
    type(row).objects.using(row._state.db).filter(pk=row.pk).delete()


def _order_of(row: Any) -> Order:
    return Order(
        job_id=str(row.job_id),
        person_id=id_of(row.person_id),
        task=row.task,
        body=row.body.encode(),
        idempotency_key=row.idempotency_key,
    )


def _settle(row: Any, error: SubmitError) -> bool:
    """Note on a row why it was not accepted: refused for good (True), or to be tried again."""
    now = timezone.now()
    is_final = _is_final(row, error)
    pause_s = max(_pause_s(row), getattr(error, "retry_after_s", 0))
    changes = {
        "tries": row.tries + 1,
        "problem": f"{getattr(error, 'code', '')}: {_described(error)}"[:2000],
        "refused_at": now if is_final else None,
        "next_try_at": now + timedelta(seconds=pause_s),
    }
    type(row).objects.using(row._state.db).filter(pk=row.pk, refused_at=None).update(**changes)
    if is_final:
        details = {"task": row.task, "user_id": str(row.person_id), "job_id": str(row.job_id)}
        log.error("a job of the outbox was refused: %s", error, extra=details)
    return is_final


def _put_off(person_pk: Any) -> None:
    """Try a person's first row later, whatever is wrong with it."""
    row = _heads().filter(person_id=person_pk).first()
    if row is not None:
        next_try_at = timezone.now() + timedelta(seconds=_pause_s(row))
        _rows().filter(pk=row.pk).update(tries=row.tries + 1, next_try_at=next_try_at)


def _pause_s(row: Any) -> float:
    longest_s: int = min(_LONGEST_PAUSE_S, 2 ** min(row.tries, 20))
    return longest_s * random.uniform(0.5, 1.0)  # noqa: S311  # spreads load


def _is_final(row: Any, error: SubmitError) -> bool:
    if not isinstance(error, SubmitRefused):
        return False
    if error.may_pass_later:
        return bool(timezone.now() - row.created_at > _PATIENCE)
    return error.status in _FOR_GOOD or not row.person.is_active


def _is_away(error: SubmitError) -> bool:
    """Tell whether others' rows will not fare better now: an error of one request is its own."""
    return isinstance(error, ApiAway) and not error.is_of_one_request


def _described(error: SubmitError) -> str:
    fields = error.fields if isinstance(error, SubmitRefused) else {}
    return "; ".join([str(error), *(f"{name}: {detail}" for name, detail in fields.items())])
