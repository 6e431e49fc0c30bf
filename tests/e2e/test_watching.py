"""``manage.py publish_principals --watch``: what a site runs beside itself that wsgi.py doesn't
serve."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from deploy.redis.users import new_passwords
from deploy.redis.valkey import EmbeddedValkey
from shared.settings import ROOT
from tests.e2e.prepared import clean_environment, prepared_database
from tests.waiting import wait_until

_LEASE = "gatehouse:lock:reconcile"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_watch_ends_in_order_however_often_it_is_told(
    tmp_path: Path, number: signal.Signals
) -> None:
    """It gives its lease back, and its code says that all is well: a supervisor may send two."""
    shutil.copy(prepared_database()[1], tmp_path)
    with (
        EmbeddedValkey(tmp_path / "valkey", passwords=new_passwords()) as valkey,
        redis.Redis.from_url(valkey.url("admin")) as admin,
        subprocess.Popen(
            [sys.executable, "manage.py", "publish_principals", "--watch"],
            cwd=ROOT,
            env={**clean_environment(tmp_path), "GATEHOUSE_SITE_REDIS_URL": valkey.url("django")},
            stderr=subprocess.PIPE,
            text=True,
        ) as watch,
    ):
        try:
            wait_until(lambda: admin.exists(_LEASE) or watch.poll() is not None, timeout_s=60)
            for _ in range(20):
                watch.send_signal(number)
            errors = watch.communicate(timeout=40)[1]
        finally:
            watch.kill()
        assert watch.returncode == 0, errors
        assert "Traceback" not in errors
        assert not admin.exists(_LEASE)
