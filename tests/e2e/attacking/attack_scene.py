"""A service with people who are logged in, and an attacker."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shared.settings import ContractSettings
from tests.e2e.attacking.attacks import Person, cookie_line, key_line
from tests.e2e.raw_http import Answer, send
from tests.e2e.service import ServiceProcess
from tests.integration.gate.forging import Forge
from tests.integration.gate.gate_bench import admin_of

JOB = {"task": "primes.sum", "arguments": {"limit": 10}}
JSON = "Content-Type: application/json"
PAGES = ("/", "/account/keys/", "/account/sessions/", "/admin/", "/accounts/email/")
VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class Scene:
    """One service, people who are logged in, and an attacker who may even write to Redis."""

    def __init__(self, service: ServiceProcess, forge: Forge, people: list[Person]) -> None:
        self.service = service
        self.forge = forge
        self.bystander = people.pop()  # nothing is ever done to them
        self._people = people

    def new_person(self) -> Person:
        """Return somebody whom no test has used, and whose cookie and key work."""
        person = self._people.pop()
        assert [
            self.me(cookie_line(person.cookie)).status,
            self.me(key_line(person.key)).status,
        ] == [200, 200]
        return person

    def me(self, *lines: str) -> Answer:
        """Ask who one is."""
        return send(self.service, "/api/me", *lines)

    def post(self, path: str, content: Any, *lines: str) -> Answer:
        """Send JSON."""
        return send(
            self.service, path, JSON, *lines, method="POST", body=json.dumps(content).encode()
        )

    def is_refused_like_no_credential(self, *lines: str) -> bool:
        """Tell whether a client sees no difference to a request without any credential."""
        return self.me(*lines) == self.me()


@contextmanager
def open_scene(folder: Path, *, people: int, **options: Any) -> Iterator[Scene]:
    """Start a service, by these options of it, with so many people."""
    with ServiceProcess(folder, **options) as service:
        rows = json.loads(service.run("-m", "tests.e2e.site_side", "people", str(people)))
        with admin_of(service.valkey) as admin:
            forge = Forge(admin, ContractSettings(session_secrets=service.session_secrets))
            yield Scene(service, forge, [Person(**row) for row in rows])
