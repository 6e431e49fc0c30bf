"""Reads the metrics of an application as a monitor does."""

from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from tests.waiting import wait_until


class Numbers:
    """What one scrape said: every series by its name and labels,
    without the label that names the process."""

    def __init__(self, text: str) -> None:
        self.families = list(text_string_to_metric_families(text))
        self.series = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for each in self.families
            for sample in each.samples
        }
        self.instances = {dict(labels).get("instance") for _, labels in self.series}

    def of(self, series: str, **labels: str) -> float | None:
        """Return the value of a series of the one process that was asked, or of the installation;
        None: it is absent."""
        found = [
            value
            for (name, has), value in self.series.items()
            if name == series
            and {pair for pair in has if pair[0] != "instance"} == set(labels.items())
        ]
        assert len(found) <= 1
        return found[0] if found else None


def scrape(app: Flask) -> Numbers:
    """Read the metrics as a stranger does."""
    answer = app.test_client().get("/metrics")
    assert answer.status_code == 200, answer.data
    assert answer.content_type.startswith("text/plain; version=")
    return Numbers(answer.get_data(as_text=True))


def settled(app: Flask, series: str, count: float, **labels: str) -> Numbers:
    """Return the numbers once this one is reached:
    a process counts what ended just after others can see that it has."""
    wait_until(
        lambda: scrape(app).of(series, **labels) == count,
        timeout_s=5,
        what=f"{series} {labels} is {count}",
    )
    return scrape(app)


def submit(client: FlaskClient, task: str, *, wait_s: float = 0, **body: Any) -> dict[str, Any]:
    """Submit a job and return its record."""
    arguments = body.pop("arguments", {})
    answer = client.post(
        f"/jobs?wait={wait_s}", json={"task": task, "arguments": arguments, **body}
    )
    assert answer.status_code == 202, answer.data
    record: dict[str, Any] = answer.get_json()
    return record
