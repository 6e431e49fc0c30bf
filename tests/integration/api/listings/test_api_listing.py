"""The listing of one's jobs: its pages and filters."""

import pytest
from flask import Flask

from tests.integration.api.submitting import submit, tasks_api
from tests.integration.gate.gate_bench import ask, new_visitor

pytestmark = pytest.mark.usefixtures("site")

__all__ = ["tasks_api"]


def test_listing_pages_through_all_newest_first_without_results(tasks_api: Flask) -> None:
    """The link to the next page is followed until there is none; each job is seen once."""
    visitor = new_visitor()
    ids = [
        submit(tasks_api, visitor, "sample.echo", wait_s=10, value=n).get_json()["id"]
        for n in range(5)
    ]
    seen, path, pages = [], "/api/jobs?limit=2", 0
    while path:
        page = ask(tasks_api, path, cookie=visitor.cookie).get_json()
        assert all("result" not in job for job in page["jobs"])
        seen += [job["id"] for job in page["jobs"]]
        path = page.get("links", {}).get("next")
        assert bool(path) == (page["next_cursor"] is not None)
        pages += 1
    assert seen == ids[::-1]
    assert pages in (3, 4)


def test_filters_narrow_the_listing_and_stay_in_the_link(tasks_api: Flask) -> None:
    """By status, by task, by both."""
    visitor = new_visitor()
    for number in range(3):
        submit(tasks_api, visitor, "sample.echo", wait_s=10, value=number)
    submit(tasks_api, visitor, "sample.fail", wait_s=10, message="no")

    def found(query: str) -> list[str]:
        return [
            job["task"]
            for job in ask(tasks_api, f"/api/jobs?{query}", cookie=visitor.cookie).get_json()[
                "jobs"
            ]
        ]

    assert found("status=failed") == ["sample.fail"]
    assert found("task=sample.echo") == ["sample.echo"] * 3
    assert found("task=sample.echo&status=failed") == []
    link = ask(tasks_api, "/api/jobs?task=sample.echo&limit=1", cookie=visitor.cookie).get_json()[
        "links"
    ]["next"]
    assert "task=sample.echo" in link
    assert found(link.partition("?")[2]) == ["sample.echo"]
