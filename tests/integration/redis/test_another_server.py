"""Another server program than the embedded one: Debian's Redis, the oldest that is good enough, and
one that is too old."""

import os
import shutil
import signal
import socketserver
import threading
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import AuthenticationError

from deploy.redis.users import new_passwords
from deploy.redis.valkey import EmbeddedValkey
from flask_api.jobs.records.scripts import load_scripts
from shared.contract.entries import JOBS_PREFIX
from shared.redis import Script, build_client
from shared.redis.trial import find_obstacle
from tests.e2e.service import ServiceProcess
from tests.permission import missing_command
from tests.waiting import wait_until

needs_debians = pytest.mark.skipif(
    bool(missing_command("redis-server")), reason=missing_command("redis-server") or "it is there"
)


@needs_debians
def test_what_scripts_wrote_is_there_after_a_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of several writes in one: an older server reads them from its file with the rights of the
    user "default", and drops in silence what that may not do."""
    monkeypatch.setenv("REDIS_SERVER_PROGRAM", str(shutil.which("redis-server")))
    entries = [f"{JOBS_PREFIX}{name}" for name in "ab"]
    script = Script("redis.call('SET', KEYS[1], '1') return redis.call('SET', KEYS[2], '2')")
    with EmbeddedValkey(tmp_path, passwords=new_passwords()) as server:
        client = build_client(server.url("worker"), timeout_s=2, max_connections=1)
        script.run(client, entries, [])
        assert server.pid
        os.kill(server.pid, signal.SIGKILL)
        wait_until(lambda: not server.is_running(), timeout_s=10, what="it is gone")
        server.start()
        assert client.mget(entries) == ["1", "2"]
        client.connection_pool.disconnect()
        nobody = build_client(f"unix://{server.socket}", timeout_s=2, max_connections=1)
        with pytest.raises(AuthenticationError):
            nobody.get(entries[0])
        nobody.connection_pool.disconnect()


@needs_debians
def test_service_runs_on_debians_redis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person logs in, a job runs and ends, they log out and are out; and every script of either
    side is one that this server can read."""
    monkeypatch.setenv("REDIS_SERVER_PROGRAM", str(shutil.which("redis-server")))
    with ServiceProcess(tmp_path) as service:
        admin = build_client(service.valkey.url("admin"), timeout_s=2, max_connections=1)
        about: Any = admin.info("server")
        assert ("redis_version" in about, "valkey_version" in about) == (True, False)
        for script in _scripts():
            admin.script_load(script)
        browser = service.new_browser()
        browser.log_in()
        answer = browser.http.post(
            "/api/jobs",
            json={"task": "primes.sum", "arguments": {"limit": 1000}},
            headers={"Sec-Fetch-Site": "same-origin"},
        )
        assert answer.status_code == 202, answer.text
        link = answer.json()["links"]["self"]
        assert browser.http.get(link, params={"wait": 20}).json()["result"] == 76_127
        cookie = {"Cookie": f"sessionid={browser.cookie}"}
        browser.log_out()
        assert service.new_browser().http.get("/api/me", headers=cookie).status_code == 401
        admin.connection_pool.disconnect()


def _scripts() -> list[str]:
    """Return the texts of all scripts; the engine's with what stands before them."""
    files = [each for side in ("django_site", "flask_api") for each in Path(side).rglob("*.lua")]
    others = [each.read_text() for each in files if each.parent.parent.name != "records"]
    assert len(others) > 10
    return [*(script._text for script in load_scripts().values()), *others]


class _Old(socketserver.StreamRequestHandler):
    """As much of Redis 6.2 as says so."""

    def handle(self) -> None:
        """Answer the greeting of one client."""
        self.rfile.readline()
        words = (b"server", b"redis", b"version", b"6.2.14", b"mode", b"standalone", b"role")
        parts = [b"$%d\r\n%s\r\n" % (len(word), word) for word in (*words, b"master")]
        self.wfile.write(b"*8\r\n" + b"".join(parts))
        self.rfile.read()


def test_server_that_is_too_old_is_refused_in_one_line() -> None:
    """It knows neither our scripts nor the rights of our users: said at start, not by the first
    submit."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Old) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,)).start()
        url = f"redis://127.0.0.1:{server.server_address[1]}/0"
        problem = find_obstacle(url, timeout_s=2)
        server.shutdown()
    assert problem == "it is of version 6: Redis 7 and newer, or any Valkey, is needed"
