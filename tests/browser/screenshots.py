"""Pictures of every page for docs/images: light, dark, and on a phone.

script/screenshots         all of them
script/screenshots --only jobs,job --to /tmp/pictures
"""

import argparse
import base64
import io
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from shared.settings import ROOT
from tests.waiting import wait_until

LOOKS = {"light": (1280, "light"), "dark": (1280, "dark"), "phone": (390, "dark")}
_TALLEST = {1280: 1000, 390: 1200}
_QUALITY = 55
# What the largest job takes, so that others are seen to run and to wait.
_LONG = 200_000_000
_TABLE = "limit\n1000\n250000\n-3\nmany\n"
_MAKE_OPERATOR = """
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from allauth.account.models import EmailAddress
make = get_user_model().objects.create_user
olga = make("olga", "olga@example.org", {password!r}, is_staff=True)
EmailAddress.objects.create(user=olga, email=olga.email, verified=True, primary=True)
olga.user_permissions.add(Permission.objects.get(codename="operate_jobs"))
"""

Visit = str | Callable[[Any], None]
ACCOUNT_PAGES: Mapping[str, Visit] = {
    "keys": "/account/keys/",
    "sessions": "/account/sessions/",
    "shares": "/account/shares/",
    "email": "/accounts/email/",
    "password": "/accounts/password/change/",
    "second-factor": "/accounts/2fa/",
    "api-docs": "/api/docs",
}
VISITORS_PAGES: Mapping[str, Visit] = {
    "welcome": "/",
    "log-in": "/accounts/login/?next=/jobs/",
    "sign-up": "/accounts/signup/",
    "reset": "/accounts/password/reset/",
    "not-found": "/nowhere/",
    "problem": "/api/problems/not_found",
}


def main() -> None:
    """Take the pictures that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="names of pages, with commas")
    parser.add_argument("--to", type=Path, default=ROOT / "docs" / "images")
    wanted = parser.parse_args()
    # The service reads it, and must not meet the developer's own.
    with tempfile.TemporaryDirectory(prefix="gatehouse-screenshots-") as folder:
        os.environ["GATEHOUSE_VAR_DIR"] = folder
        names = [name for name in wanted.only.split(",") if name]
        take(Path(folder), wanted.to, names)
    total = sum(path.stat().st_size for path in wanted.to.glob("*.webp"))
    sys.stdout.write(f"{total / 1000:.0f} kB in {wanted.to}\n")


def take(folder: Path, target: Path, only: list[str]) -> None:
    """Serve, make what the pages show, and take a picture of each in every look."""
    # They read the environment as they are imported.
    from tests.browser.chromium import start_chromium
    from tests.browser.pages.person import Person
    from tests.e2e.service import ServiceProcess

    def wanted(visits: Mapping[str, Visit]) -> Mapping[Path, Visit]:
        return {target / name: at for name, at in visits.items() if not only or name in only}

    target.mkdir(parents=True, exist_ok=True)
    with ServiceProcess(folder / "service") as service:
        session = service.new_browser()
        session.log_in()
        olga = operator_of(service)
        pages = [(session, pages_of(session)), (olga, operators_pages(olga))]
        for look, (width, scheme) in LOOKS.items():
            browser = start_chromium(folder / look, width=width)
            try:
                for whose, visits in pages:
                    person = Person(browser, service.address, whose)
                    person.prefer(scheme)
                    photograph(person, wanted(visits), look)
                browser.delete_all_cookies()
                photograph(person, wanted(VISITORS_PAGES), look)
            finally:
                browser.quit()


def photograph(person: Any, visits: Mapping[Path, Visit], look: str) -> None:
    """Visit each page and take its picture, in a file of its name and the look's."""
    for name, visit in visits.items():
        _visit(person, visit)
        picture = _picture(person.browser, LOOKS[look][0])
        picture.save(f"{name}-{look}.webp", quality=_QUALITY, method=6)


def pages_of(session: Any) -> Mapping[str, Visit]:
    """Start jobs worth looking at; return each page by the name of its picture."""
    http = session.http

    def made(task: str, wait: str = "20", **arguments: Any) -> str:
        body = {"task": task, "arguments": arguments}
        return str(http.post("/api/jobs", json=body, params={"wait": wait}).json()["id"])

    sales = b"country,sales,price\n" + b"".join(
        b"%s,%d,%d.5\n" % ((b"Italy", b"Chile", b"Japan")[n % 3], n * n % 89, n * 7 % 53)
        for n in range(400)
    )
    table = made("tables.parse", file=_uploaded(http, "sales.csv", sales))
    for name, content in (
        ("notes.csv", b"\x00\x01"),
        ("more.csv", b"\x00\x02"),
        ("empty.csv", b""),
    ):
        made("tables.parse", file=_uploaded(http, name, content))
    made("primes.check", numbers=[2**61 - 1, 2**61 + 1])
    sets = [{"limit": 400_000 + 300_000 * (n * 7 % 11)} for n in range(24)]
    batch = http.post("/api/batches", json={"task": "primes.sum", "arguments": sets}).json()["id"]
    wait_until(
        lambda: http.get(f"/api/batches/{batch}").json()["finished_at"],
        timeout_s=120,
        what="a batch",
    )
    checked = made("primes.check", numbers=[7, 8, 9, 97, 1_000_003])
    later = {"task": "primes.sum", "arguments": {"limit": 1000}, "delay_s": 7200}
    http.post("/api/jobs", json=later)
    many = {"task": "primes.sum", "arguments": [{"limit": _LONG}] * 60}
    running = http.post("/api/batches", json=many).json()["links"]["jobs"]
    session.send_form("/tasks/primes.sum/favour/", {"keep": "yes"}, page="/jobs/")
    view = {"name": "Failures", "list": "?status=failed"}
    session.send_form("/jobs/views/save/", view, page="/jobs/")
    shows = {"shows": ["owner", "arguments", "files"]}
    token = http.post(f"/api/jobs/{table}/shares", json=shows).json()["token"]
    named = {"audience": "people", "people": ["grace", "edsger"], "shows": ["owner"]}
    http.post(f"/api/jobs/{checked}/shares", json=named)
    time.sleep(6)  # so that there is progress to be seen
    return {
        "home": "/",
        "tasks": "/tasks/",
        "start": "/tasks/tables.parse/",
        "many": _check_table,
        "jobs": f"/jobs/?open={batch}",
        "job-running": lambda person: _running(person, http, running),
        "job-table": f"/jobs/{checked}/",
        "job-charts": f"/jobs/{table}/",
        "batch": f"/batches/{batch}/",
        "shared": f"/shared/{token}/",
        **ACCOUNT_PAGES,
    }


def operator_of(service: Any) -> Any:
    """Return the session of an operator, who has done some things."""
    password = secrets.token_urlsafe(16)
    service.run(
        "manage.py", "shell", "--no-imports", "-c", _MAKE_OPERATOR.format(password=password)
    )
    olga = service.new_browser()
    olga.send_form("/accounts/login/", {"login": "olga", "password": password})
    for name, note in (
        ("web.page_sizes", "their network is down until noon"),
        ("text.nothing", ""),
    ):
        form = {"which": f"task:{name}", "note": note}
        olga.send_form("/operators/pause/", form, page="/operators/")
    olga.send_form("/operators/resume/", {"which": "task:web.page_sizes"}, page="/operators/")
    olga.send_form(
        "/operators/pause/",
        {"which": "task:github.languages", "note": "their limit is reached"},
        page="/operators/",
    )
    return olga


def operators_pages(olga: Any) -> Mapping[str, Visit]:
    """Return each page of operators by the name of its picture."""
    person = olga.http.get("/api/operate/jobs").json()["jobs"][0]["owner"]["id"]
    return {
        "operators": "/operators/",
        "operators-timeline": "/operators/timeline/?minutes=2",
        "operators-jobs": "/operators/jobs/",
        "operators-failures": "/operators/failures/",
        "operators-times": "/operators/times/",
        "operators-record": "/operators/record/",
        "operators-person": f"/operators/people/{person}/",
    }


def _uploaded(http: Any, name: str, content: bytes) -> str:
    headers = {"Content-Type": "application/octet-stream"}
    answer = http.post("/api/files", params={"name": name}, content=content, headers=headers)
    return str(answer.json()["id"])


def _check_table(person: Any) -> None:
    person.go("/tasks/primes.sum/many/")
    script = "document.getElementById('table').value = arguments[0]"
    person.browser.execute_script(script, _TABLE)
    person.find("button[value=check]").click()
    person.until(lambda: person.count(".checked") == 1, "the rows are shown")


def _running(person: Any, http: Any, jobs: str) -> None:
    job = http.get(jobs, params={"status": "running"}).json()["jobs"][0]["id"]
    person.go(f"/jobs/{job}/")


def _visit(person: Any, visit: Visit) -> None:
    if isinstance(visit, str):
        person.go(visit)
    else:
        visit(person)
    time.sleep(0.5)  # what comes by events


def _picture(browser: Any, width: int) -> Image.Image:
    size = browser.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
    height = min(size["height"], _TALLEST[width])
    clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
    options = {"captureBeyondViewport": True, "clip": clip}
    taken = browser.execute_cdp_cmd("Page.captureScreenshot", options)
    return Image.open(io.BytesIO(base64.b64decode(taken["data"]))).convert("RGB")


if __name__ == "__main__":
    main()
