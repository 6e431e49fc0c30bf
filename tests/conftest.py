"""What every test stands on: one real Valkey and one real database for the whole run,
both thrown away at its end. The database is SQLite, or with TEST_DATABASE=postgres a PostgreSQL
server of its own.

The environment is set before anything of Django is imported;
nothing of the developer's own ``var/`` is read.
"""

import os
import secrets
import shutil
import signal
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from deploy.redis.users import new_passwords
from deploy.redis.valkey import EmbeddedValkey
from tests.postgres_server import PostgresServer
from tests.waiting import wait_until

# A busy machine is no fault of what is tested:
# how long a thing takes is measured where that is promised.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

_FOLDER = Path(tempfile.mkdtemp(prefix="gatehouse-tests-"))
_SLOTS = ("gatehouse-threads", "gatehouse-processes")
_VALKEY = EmbeddedValkey(_FOLDER / "valkey", passwords=new_passwords())
_DATABASES = ExitStack()  # servers of databases that run

# The files that take a minute or more: each stays in one process, which would be alone at the end.
# First those that compute, so that they run beside each other and not beside those below, some of
# which promise how long a thing takes.
LONGEST = (
    "benchmarks/test_smallest.py",
    "e2e/mounted/test_mount.py",
    "integration/tables/random/test_tables_random.py",
    "integration/databases/test_postgres.py",
    "browser/pages/test_operators.py",
    "e2e/test_script_server.py",
    "browser/pages/listing/test_list_pushed.py",
    "contract/test_executor_contract.py",
    "chaos/test_stops.py",
    "e2e/servers/test_slow_clients.py",
    "chaos/test_steps.py",
    "contract/test_over_rabbitmq.py",
)


def _give_children_default_signals() -> None:
    """A shell that starts us in the background, or nohup, has signals ignored;
    children would inherit that.

    A handler is not inherited: what this process starts has the default again,
    and Ctrl-C ends a test's server.
    """
    for number, handler in (
        (signal.SIGINT, signal.default_int_handler),
        (signal.SIGHUP, lambda *_: None),
    ):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


def pytest_configure() -> None:
    """Start Valkey and point every setting at this run's own folder."""
    _give_children_default_signals()
    for name in [
        name for name in os.environ if name.startswith("GATEHOUSE_") or name == "DATABASE_URL"
    ]:
        del os.environ[name]
    _VALKEY.start()
    if os.environ.get("TEST_DATABASE") == "postgres":
        _FOLDER.chmod(0o755)  # its server may be another user's
        server = _DATABASES.enter_context(PostgresServer(_FOLDER / "postgres"))
        os.environ["DATABASE_URL"] = server.url
    os.environ.update(
        GATEHOUSE_VAR_DIR=str(_FOLDER),
        GATEHOUSE_SESSION_SECRETS=secrets.token_urlsafe(32),
        GATEHOUSE_SECRET_KEY=secrets.token_urlsafe(50),
        GATEHOUSE_SITE_REDIS_URL=_VALKEY.url("django"),
        GATEHOUSE_API_REDIS_URL=_VALKEY.url("api"),
        GATEHOUSE_ALLOWED_HOSTS="localhost,127.0.0.1,[::1],testserver,example.org",
        DJANGO_SETTINGS_MODULE="django_site.settings",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files, and mix those that compute with those that wait."""
    folder = Path(__file__).parent
    names = {
        item.path: str(item.path.relative_to(folder))
        for item in items
        if item.path.is_relative_to(folder)
    }
    places = {name: place for place, name in enumerate(in_turn(list(names.values())))}
    items.sort(key=lambda item: places[names[item.path]] if item.path in names else len(places))


def in_turn(files: Sequence[str]) -> list[str]:
    """Return the files of tests in the order in which they begin.

    One folder after the other, all processes would wait for servers at the same time, as in
    ``chaos``, and at another all would compute, as in ``unit``: three times as long for each test.
    So each folder is spread evenly over the whole run.
    """
    folders = [name.split("/")[0] for name in files]
    sizes, seen, shares = Counter(folders), Counter[str](), {}
    for name, folder in zip(files, folders, strict=True):
        shares[name] = (seen[folder] + 0.5) / sizes[folder]
        seen[folder] += 1
    rest = sorted(set(files) - set(LONGEST), key=lambda name: (shares[name], name))
    return [*(name for name in LONGEST if name in shares), *rest]


def pytest_unconfigure() -> None:
    """Stop Valkey and remove the folder."""
    _VALKEY.stop()
    _DATABASES.close()
    shutil.rmtree(_FOLDER, ignore_errors=True)


@pytest.fixture
def valkey() -> EmbeddedValkey:
    """The run's Valkey: urls per role, ``admin`` may do everything."""
    return _VALKEY


@pytest.fixture(autouse=True)
def _nothing_is_left_behind() -> Iterator[None]:
    """Fail a test that leaves a thread running, or a slot's,
    which would not even keep the process alive."""
    before = set(threading.enumerate())
    yield
    wait_until(
        lambda: (
            not [
                each
                for each in set(threading.enumerate()) - before
                if not each.daemon or each.name.startswith(_SLOTS)
            ]
        ),
        timeout_s=5,
        what="threads that the test started have ended",
    )
