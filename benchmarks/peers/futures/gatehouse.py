"""Ours: gatehouse.Executor, over HTTP with a key, against the API on gunicorn with threads;
its engine runs the jobs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gatehouse
from benchmarks.measuring.contenders import Contender, gunicorn
from benchmarks.measuring.contenders import seed as seed_all
from benchmarks.measuring.context import USERNAME, Context
from benchmarks.peers.gate.gatehouse import seed as seed_person
from benchmarks.peers.submit.gatehouse import create_app

__all__ = ["Mapper", "create_app", "running", "seed"]

_OURS = Contender("gatehouse", "benchmarks.peers.futures.gatehouse")
_THREADS = 32  # as wsgi.py has by default


def seed(context: Context) -> str:
    """Make a person and return a key of theirs."""
    seed_person(context)
    from allauth.account.models import EmailAddress

    from django_site.accounts.models import User
    from django_site.keys.issue import create_key
    from shared.contract.api_keys import SCOPES

    person = User.objects.get(username=USERNAME)
    EmailAddress.objects.create(user=person, email=person.email, verified=True, primary=True)
    _, key = create_key(person, name="bench", scopes=SCOPES, expires_in_days=1)
    return key


@contextmanager
def running(context: Context) -> Iterator[None]:
    """Run the server; leave its address and the key beside the context."""
    file = Path(context.folder, "context.json")
    key = seed_all((_OURS,), file)[_OURS.module]
    with gunicorn(_OURS, file, _THREADS) as port:
        Path(context.folder, "access").write_text(f"http://127.0.0.1:{port} {key}")
        yield


class Mapper:
    """The script of docs/scripts.md."""

    def __init__(self, context: Context) -> None:
        self._client = gatehouse.Client(*Path(context.folder, "access").read_text().split())
        self._executor = gatehouse.Executor(self._client)

    def map(self, count: int) -> list[object]:
        """Map."""
        return list(self._executor.map("bench.number", range(count)))

    def close(self) -> None:
        """Shut the executor down."""
        self._executor.shutdown()
        self._client.close()
