"""Submit a job from Django code: ``submit``."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Unpack

from django.db import transaction

from django_site.submitting import outbox as kept
from django_site.submitting.errors import SubmitError
from django_site.submitting.order import Order, OrderOptions, accept, check, order_of

log = logging.getLogger("gatehouse.submitting")

OnProblem = Callable[[SubmitError], object]


@dataclass(slots=True, kw_only=True)
class Submission:
    """A job to be: ``id`` is the job's, known before it is sent. With an idempotency key it is
    None until then, for that may lead to an earlier job.

    ``problem`` says why it is no job, or not yet one: what is in the outbox may be tried again.
    """

    task: str
    id: str | None
    is_accepted: bool = False
    problem: SubmitError | None = None


def submit(
    task: str,
    arguments: Mapping[str, Any] | None = None,
    *,
    user: Any,
    outbox: bool = False,
    on_problem: OnProblem | None = None,
    using: str | None = None,
    **options: Unpack[OrderOptions],
) -> Submission:
    """Submit a job in ``user``'s name once the transaction of ``using`` commits; at once if there
    is none.

    At once, it raises SubmitRefused or ApiAway. In a transaction, only what the arguments are
    surely refused for is raised here (SubmitRefused, with ``fields``); what goes wrong after the
    commit is logged, kept in ``problem`` and given to ``on_problem``. A process that dies between
    commit and sending loses the job, unless it is kept in the ``outbox``: that is written now, in
    the transaction, and sent until it is accepted or refused. Then OutboxFull may be raised, too,
    and ConfigurationError where ``using`` is not the database that the outbox is in.
    """
    order = order_of(task, arguments or {}, user=user, **options)
    return submit_order(order, user=user, outbox=outbox, on_problem=on_problem, using=using)


def submit_order(
    order: Order,
    *,
    user: Any,
    outbox: bool = False,
    on_problem: OnProblem | None = None,
    using: str | None = None,
) -> Submission:
    """Submit what is written already; else as ``submit``."""
    known_id = None if order.idempotency_key else order.job_id
    submission = Submission(task=order.task, id=known_id)
    send: Callable[[], str | None] = partial(accept, order)
    if outbox:
        check(order)
        send = partial(kept.send_now, kept.keep(order, user=user, using=using))
    elif transaction.get_connection(using).in_atomic_block:
        check(order)
    else:
        submission.id, submission.is_accepted = send(), True
        return submission
    lost = None if outbox else order
    after = partial(_after_commit, submission, send, lost=lost, on_problem=on_problem)
    transaction.on_commit(after, using=using, robust=True)
    return submission


def _after_commit(
    submission: Submission,
    send: Callable[[], str | None],
    *,
    lost: Order | None,
    on_problem: OnProblem | None,
) -> None:
    """Send it, and note on the submission what became of it; ``lost`` is gone if that fails."""
    try:
        job_id = send()
    except SubmitError as error:
        submission.problem = error
        if lost is not None:
            details = {"task": lost.task, "user_id": lost.person_id, "job_id": lost.job_id}
            log.error("a job was not accepted after the commit: %s", error, extra=details)
        if on_problem is not None:
            on_problem(error)
        return
    if job_id is not None:
        submission.id, submission.is_accepted = job_id, True
