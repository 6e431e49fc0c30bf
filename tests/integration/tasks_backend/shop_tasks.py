"""Tasks of a Django site, as its authors write them."""

import threading
from typing import Any

from django_tasks import TaskContext, task

SEEN: list[Any] = []
RELEASE = threading.Event()


class OutOfStock(Exception):
    """What a site's own code raises."""


@task
def count_people(prefix: str, *, limit: int = 10) -> dict[str, int]:
    """Ask the site's database."""
    from django_site.accounts.models import User

    return {"people": User.objects.filter(username__startswith=prefix)[:limit].count()}


@task
async def double(number: int) -> int:
    """Be a coroutine."""
    return 2 * number


@task
def order(isbn: str) -> None:
    """Fail."""
    raise OutOfStock(isbn)


@task(takes_context=True)
def tell(context: TaskContext, word: str) -> list[Any]:
    """Say what the context is."""
    SEEN.append(word)
    return [context.task_result.id, context.attempt, word]


@task
def hang() -> None:
    """Run until the test lets it go."""
    RELEASE.wait(30)


def no_task(word: str) -> None:
    """Be a function that nobody made a task."""
    SEEN.append(word)
