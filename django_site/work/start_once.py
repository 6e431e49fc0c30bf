"""Start what a form asks for, once, however often its button is pressed."""

import json
from typing import Any
from uuid import UUID, uuid5

from django.http import HttpRequest

from django_site.work import api


def start_once(request: HttpRequest, path: str, sent: Any, *, key: str) -> Any:
    """Send a form's work to the API under the form's key, a UUID, and return the job or batch.
    Raises ApiProblem or NoApiBeside.

    Where other values were sent under this key before, the form was gone back to and corrected:
    another job is meant. That one's key comes of the form's key and of the values, so that it is
    one job, too, however often it is sent.
    """
    try:
        return api.send(request, path, sent, HTTP_IDEMPOTENCY_KEY=key)
    except api.ApiProblem as problem:
        if problem.code != "idempotency_conflict":
            raise
    of_both = uuid5(UUID(key), json.dumps(sent, sort_keys=True))
    return api.send(request, path, sent, HTTP_IDEMPOTENCY_KEY=str(of_both))
