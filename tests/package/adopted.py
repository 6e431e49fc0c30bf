"""Somebody else's Django site that adopts Gatehouse as docs/adopt.md says, from the wheel,
and a Flask service beside it."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any, Self

from deploy.redis.valkey import EmbeddedValkey
from shared.settings import ROOT
from tests.package.environment import Environment

PAGE = (ROOT / "docs/adopt.md").read_text()
SECRET = "adopted-session-secret-of-more-than-32-characters"

_DJANGO = """
import django; django.setup()
from django.core.management import call_command
from django.test import Client
"""

_SERVE = """
import json, sys
from service import app
client = app.test_client()
for cookie in sys.stdin:
    client.set_cookie("sessionid", cookie.strip())
    answer = client.get("/whoami")
    print(json.dumps([answer.status_code, answer.get_json()]), flush=True)
"""


def block(after: str) -> str:
    """Return the page's first block of Python after a heading."""
    found = re.search(rf"{after}.*?```python\n(.*?)```", PAGE, flags=re.DOTALL)
    assert found
    return found.group(1)


class AdoptedSite:
    """A Django project in a folder of its own, run with the environment's Python."""

    def __init__(
        self, folder: Path, environment: Environment, valkey: EmbeddedValkey, *, settings: str
    ) -> None:
        self.folder = folder
        self._environment = environment
        self._variables = {
            "DJANGO_SETTINGS_MODULE": settings,
            "GATEHOUSE_SESSION_SECRETS": SECRET,
            "GATEHOUSE_SITE_REDIS_URL": valkey.url("django"),
        }

    def run(self, *arguments: str) -> str:
        """Run Python in the project and return what it prints, without the blanks around it."""
        return self._environment.run(*arguments, cwd=self.folder, **self._variables).strip()

    def script(self, text: str) -> str:
        """Run a script with Django set up and what such scripts use imported;
        return what it prints."""
        return self.run("-c", _DJANGO + text)

    def adopt(self, settings_file: str, *more: str) -> None:
        """Change the settings as the page says, and then as this site's own want."""
        file = self.folder / settings_file
        file.write_text("\n".join([file.read_text(), block("## 2"), *more]))


class GatedService:
    """The page's own Flask service in a process that knows no Django:
    a cookie in, what it answers out."""

    def __init__(self, folder: Path, environment: Environment, valkey: EmbeddedValkey) -> None:
        folder.mkdir()
        (folder / "service.py").write_text(block("## 4"))
        self._process = subprocess.Popen(
            [str(environment.bin / "python"), "-c", _SERVE],
            cwd=folder,
            env={
                "GATEHOUSE_SESSION_SECRETS": SECRET,
                "GATEHOUSE_API_REDIS_URL": valkey.url("api"),
                "PATH": "",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        with self._process:
            self._process.stdin.close()  # type: ignore[union-attr]  # it is a pipe
            assert self._process.wait(10) == 0

    def ask(self, cookie: str) -> tuple[int, Any]:
        """Return the status and the JSON of ``/whoami`` for this session cookie."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{cookie}\n")
        self._process.stdin.flush()
        status, body = json.loads(self._process.stdout.readline())
        return status, body
