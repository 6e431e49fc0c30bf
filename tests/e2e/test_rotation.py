"""The drill of docs/session-contract.md, "Rotating the session secrets",
on the whole service while people use it (P11)."""

import itertools
import json
import os
import secrets
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import redis

from shared.contract.signing import EntrySigner
from tests.e2e.attacking.attacks import cookie_line, key_line
from tests.e2e.service import COMMANDS, ServiceProcess
from tests.plain_http import NO_TLS
from tests.waiting import wait_until

MORE_S = 20
ROUNDS = 4  # further answers to everybody in each step
REFUSED = {401, 302}  # by the API, and by a page of the site
# Each takes 10 to 20 s: one in the suite, both at night.
SERVERS = list(COMMANDS) if "NIGHTLY_COUNT" in os.environ else ["cherrypy"]


class Crowd:
    """People who ask the API and the site all the time, each by a thread of their own,
    and what they were answered."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self.answers: list[Counter[int]] = []

    def join(self, line: str, paths: Sequence[str] = ("/api/me", "/account/sessions/")) -> None:
        """Let one more person ask for these in turn, with this header."""
        self.answers.append(Counter())
        thread = threading.Thread(target=self._ask, args=(self.answers[-1], paths, line))
        self._threads.append(thread)
        thread.start()

    def wait_for_rounds(self) -> None:
        """Return when everybody has had some more answers."""
        before = [answers.total() for answers in self.answers]
        wait_until(
            lambda: all(
                now.total() >= then + ROUNDS for now, then in zip(self.answers, before, strict=True)
            ),
            timeout_s=MORE_S,
            what="everybody was answered",
        )

    def statuses(self) -> list[set[int]]:
        """Return what each person was ever answered."""
        return [set(answers) for answers in self.answers]

    def stop(self) -> None:
        """End the threads."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, answers: Counter[int], paths: Sequence[str], line: str) -> None:
        name, _, value = line.partition(": ")
        with httpx.Client(
            base_url=self._address,
            headers={name: value},
            timeout=10,
            trust_env=False,
            verify=NO_TLS,
        ) as http:
            for path in itertools.cycle(paths):
                if self._stopping.is_set():
                    return
                try:
                    answers[http.get(path).status_code] += 1
                # the server is being restarted: no answer is no wrong answer
                except httpx.TransportError:
                    self._stopping.wait(0.02)


@contextmanager
def crowd_at(service: ServiceProcess) -> Iterator[Crowd]:
    """A crowd that goes home at the end."""
    crowd = Crowd(service.address)
    try:
        yield crowd
    finally:
        crowd.stop()


def signed_by(service: ServiceProcess, pattern: str, secret: str) -> set[bool]:
    """Tell of all entries that match whether this secret signed them."""
    signer = EntrySigner([secret])
    with redis.Redis.from_url(service.valkey.url("admin"), decode_responses=True) as admin:
        names = list(admin.scan_iter(match=pattern))
        assert names
        return {signer.is_current(name, str(admin.get(name))) for name in names}


def log_in(service: ServiceProcess) -> str:
    """Return the header of a session that begins now."""
    browser = service.new_browser()
    browser.log_in()
    return cookie_line(browser.cookie)


@pytest.mark.parametrize("server", SERVERS)
def test_nobody_is_refused_until_the_old_secret_is_removed(tmp_path: Path, server: str) -> None:
    """old -> old,new -> new,old -> new, under load:
    only then the sessions of the old secret end, and no other."""
    with ServiceProcess(tmp_path, server=server) as service, crowd_at(service) as crowd:
        (old,), new = service.session_secrets, secrets.token_urlsafe(32)
        key = _new_key(service)
        of_old = [log_in(service)]
        crowd.join(of_old[0])
        crowd.join(key, ["/api/me"])
        crowd.wait_for_rounds()

        service.restart(session_secrets=f"{old},{new}")
        of_old.append(log_in(service))
        crowd.join(of_old[1])
        crowd.wait_for_rounds()

        service.restart(session_secrets=f"{new},{old}")
        of_new = [log_in(service)]
        crowd.join(of_new[0])
        crowd.wait_for_rounds()
        service.run("manage.py", "publish_principals")
        for pattern in ("gatehouse:principal:*", "gatehouse:key:*"):
            assert signed_by(service, pattern, new) == {True}, pattern
        crowd.wait_for_rounds()
        assert crowd.statuses() == [{200}] * 4
        assert sum(answers.total() for answers in crowd.answers) >= 4 * ROUNDS

        service.restart(session_secrets=new)
        of_new.append(log_in(service))
        crowd.join(of_new[1])
        crowd.wait_for_rounds()
        crowd.stop()
        assert crowd.statuses() == [{200, *REFUSED}, {200}, {200, *REFUSED}, {200}, {200}]
        now = {line: _status(service, line) for line in itertools.chain(of_old, of_new, [key])}
        assert list(now.values()) == [401, 401, 200, 200, 200]


def _new_key(service: ServiceProcess) -> str:
    (person,) = json.loads(service.run("-m", "tests.e2e.site_side", "people", "1"))
    return key_line(person["key"])


def _status(service: ServiceProcess, line: str) -> int:
    name, _, value = line.partition(": ")
    return httpx.get(
        f"{service.address}/api/me",
        headers={name: value},
        timeout=10,
        trust_env=False,
        verify=NO_TLS,
    ).status_code
