"""Reading the results of a batch while they come:
it ends with the right to see them, not with the wait that was asked for."""

import json
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from flask import Flask

from flask_api.streams.access import EVERY_S
from flask_api.testing import running_api
from shared.settings import ApiSettings
from tests.integration.api.api_server import served
from tests.integration.gate.gate_bench import SAMPLE_TASKS, Visitor, ask, new_visitor
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("site")

WAIT_S = 10
# Results of half a megabyte each: more than the buffers of both sockets hold.
COUNT = 40


@pytest.fixture
def app(api_settings: ApiSettings) -> Iterator[Flask]:
    """The API with some tasks."""
    with running_api(api_settings, task_modules=(SAMPLE_TASKS,)) as app:
        yield app


def _log_out(reader: Visitor) -> None:
    assert reader.browser.post("/accounts/logout/").status_code == 302


def _no_longer_staff(reader: Visitor) -> None:
    reader.person.is_staff = False
    reader.person.save()


def _deactivate(reader: Visitor) -> None:
    reader.person.is_active = False
    reader.person.save()


@pytest.mark.parametrize("revoke", [_log_out, _no_longer_staff, _deactivate])
def test_results_end_when_their_reader_may_no_longer(
    app: Flask, revoke: Callable[[Visitor], None]
) -> None:
    """Within two seconds; what ends after that is not told."""
    owner, reader = new_visitor(), new_visitor(is_staff=True)
    body = {
        "task": "sample.steps",
        "arguments": [{"count": 1}, *[{"count": 30, "step_s": 0.1 * n} for n in range(1, 4)]],
    }
    batch = ask(app, "/api/batches", method="POST", cookie=owner.cookie, json=body).get_json()
    with (
        served(app) as address,
        httpx.Client(
            base_url=address, cookies={"sessionid": reader.cookie}, timeout=20, trust_env=False
        ) as client,
        client.stream("GET", f"{batch['links']['results']}?wait={WAIT_S}") as answer,
    ):
        lines = answer.iter_lines()
        assert json.loads(next(lines))["position"] == 0
        began = time.monotonic()
        revoke(reader)
        assert list(lines) == []
        assert time.monotonic() - began < 2
        assert client.get(batch["links"]["results"]).status_code in (401, 404)
    ask(app, batch["links"]["cancel"], method="POST", cookie=owner.cookie)


def test_results_that_are_there_already_end_too(app: Flask) -> None:
    """A slow reader is not told for minutes what they may see no more."""
    reader = new_visitor()
    body = {"task": "sample.echo", "arguments": [{"value": "x" * 100, "count": 5000}] * COUNT}
    batch = ask(app, "/api/batches", method="POST", cookie=reader.cookie, json=body).get_json()
    url = f"{batch['links']['results']}?wait={WAIT_S}"
    assert ask(app, url, cookie=reader.cookie).data.count(b"\n") == COUNT
    with (
        served(app) as address,
        httpx.Client(
            base_url=address, cookies={"sessionid": reader.cookie}, timeout=20, trust_env=False
        ) as client,
        client.stream("GET", url) as answer,
    ):
        lines = answer.iter_lines()
        next(lines)
        _log_out(reader)
        out_at = time.monotonic()
        wait_until(
            lambda: time.monotonic() - out_at > EVERY_S,
            timeout_s=2,
            what="whatever asked before asks again",
        )
        assert len(list(lines)) < COUNT - 1
