"""The API's own pages: what a problem means, and the documentation that can be tried."""

import json
import re
from html import unescape

import pytest
from flask import Flask
from werkzeug.exceptions import default_exceptions

from flask_api.errors import STATUS
from flask_api.http.state import api_state
from flask_api.openapi.document import find_endpoints
from flask_api.openapi.problems import all_problems
from flask_api.testing import running_api
from shared.http.response_headers import PAGE_SECURITY_HEADERS
from shared.settings import ApiSettings
from tests.integration.gate.gate_bench import Visitor, ask, new_visitor

pytestmark = pytest.mark.usefixtures("site")

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def visitor(site: None) -> Visitor:
    """Somebody who is logged in."""
    return new_visitor()


def test_every_code_that_can_be_sent_has_a_page(api: Flask) -> None:
    """Our own errors, those of HTTP, and internal_error: each says what it means and what to do."""
    sent = {kind.code for kind in STATUS} | {"internal_error"}
    sent |= {error().name.lower().replace(" ", "_") for error in default_exceptions.values()}
    assert sent <= all_problems().keys()
    for code, problem in all_problems().items():
        answer = ask(api, f"/api/problems/{code}")
        assert answer.get_json() == {
            "code": code,
            "status": problem.status,
            "meaning": problem.meaning,
            "advice": problem.advice,
        }
        assert len(problem.meaning) > 10
        assert len(problem.advice) > 10
        assert "``" not in problem.meaning


def test_problem_is_a_page_for_a_browser(api: Flask) -> None:
    """HTML with the policy of pages; scripts get JSON from the same address,
    and a cache may not mix them up."""
    answer = ask(api, "/api/problems/job_failed", headers=HTML)
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    assert "job_failed" in answer.text
    assert all_problems()["job_failed"].meaning in answer.text
    for name, value in PAGE_SECURITY_HEADERS.items():
        assert answer.headers[name] == value
    for headers in (HTML, {}):
        assert "Accept" in ask(api, "/api/problems/job_failed", headers=headers).vary
    assert ask(api, "/api/problems/%3Cscript%3E", headers=HTML).status_code == 404


def test_documentation_is_gated_and_lists_every_operation(api: Flask, visitor: Visitor) -> None:
    """A browser is sent to log in, a script gets 401;
    who is in finds each operation, each task and each schema."""
    assert ask(api, "/api/docs", headers=HTML).status_code == 302
    assert ask(api, "/api/docs").status_code == 401
    answer = ask(api, "/api/docs", cookie=visitor.cookie, headers=HTML)
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    for endpoint in find_endpoints(api):
        assert f'id="{endpoint.operation.id}"' in answer.text
    for task in api_state(api).engine.registry:
        assert f'<option value="{task.name}"' in answer.text
        assert f'id="schema-{task.name}.arguments"' in answer.text


def test_problems_of_an_operation_lead_to_their_pages(api: Flask, visitor: Visitor) -> None:
    """As links with the code's meaning, not as the document's Markdown;
    their title is RFC 9110's on every Python."""
    text = ask(api, "/api/docs", cookie=visitor.cookie).text
    codes = set(re.findall(r'<a href="/api/problems/(\w+)">', text))
    assert {"invalid_arguments", "job_not_found", "queue_full"} <= codes <= all_problems().keys()
    assert "- `" not in unescape(re.sub(r"<pre.*?</pre>", "", text, flags=re.DOTALL))
    answer = ask(
        api, "/api/jobs", method="POST", cookie=visitor.cookie, json={"task": "primes.sum"}
    )
    assert (answer.status_code, answer.get_json()["title"]) == (422, "Unprocessable Content")


def test_links_inside_the_page_lead_somewhere(api: Flask, visitor: Visitor) -> None:
    """Every fragment has its target, every id is there once,
    and nothing is fetched from another host."""
    text = ask(api, "/api/docs", cookie=visitor.cookie).text
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', text)) <= set(ids)
    assert re.findall(r'(?:src|href)="(?:https?:)?//', text) == []
    assert "<style" not in text
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=", text)


def test_pages_load_from_a_file_of_their_own_only(api: Flask, visitor: Visitor) -> None:
    """Style and script are open, for the pages of problems are;
    no other file can be had that way."""
    text = ask(api, "/api/docs", cookie=visitor.cookie).text
    for path in re.findall(r'(?:src|href)="(/api/docs/[^"]+)"', text):
        answer = ask(api, path)
        assert (answer.status_code, answer.mimetype) == (
            200,
            "text/javascript" if path.endswith(".js") else "text/css",
        )
    for name in ("../app.py", "..%2fapp.py", "api.css.bak", "docs.html", "."):
        assert ask(api, f"/api/docs/{name}", cookie=visitor.cookie).status_code == 404


def test_each_example_of_the_page_can_be_submitted(api: Flask, visitor: Visitor) -> None:
    """What stands in the form at first is never called wrong,
    but for the file that has to be uploaded before."""
    text = ask(api, "/api/docs", cookie=visitor.cookie).text
    bodies = [json.loads(unescape(body)) for body in re.findall(r'data-body="([^"]+)"', text)]
    jobs = [body for body in bodies if isinstance(body["arguments"], dict)]
    assert len(jobs) == len(bodies) / 3 > 2
    for body in jobs:
        answer = ask(
            api, "/api/jobs", method="POST", cookie=visitor.cookie, json={**body, "delay_s": 3600}
        )
        wrong = [
            line for line in answer.get_json().get("errors", ()) if "file" not in line["detail"]
        ]
        assert answer.status_code in (202, 422), answer.data
        assert wrong == [], body


def test_pages_follow_the_prefix(api_settings: ApiSettings, visitor: Visitor) -> None:
    """Addresses of files and operations are those of this deployment."""
    with running_api(api_settings, api_prefix="/backend/v1") as app:
        text = ask(app, "/backend/v1/docs", cookie=visitor.cookie).text
        assert 'data-path="/backend/v1/jobs"' in text
        assert 'src="/backend/v1/docs/docs.js"' in text
        assert "/api/" not in text
