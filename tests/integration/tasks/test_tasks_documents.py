"""web.links and web.feed_titles against a real server:
packed answers, encodings, bad servers, documents made to harm."""

import gzip
from typing import Any

import pytest

from flask_api.jobs.errors import InvalidArguments
from flask_api.jobs.records.job import JobStatus
from flask_api.jobs.tasks.inline import run_inline
from flask_api.jobs.tasks.task import Task
from flask_api.tasks.web.errors import NotReadable, WebError
from flask_api.tasks.web.feeds import read_feed
from flask_api.tasks.web.links import find_links
from shared.settings import ApiSettings
from tests.integration.engine.engine_bench import EngineBench
from tests.integration.tasks.web_server import LOCAL, Page, WebServer, server

__all__ = ["server"]

RSS = (
    "<rss "
    "version='2.0'><channel><title>{title}</title><item><title>{title}</title><link>/1</link></item></channel></rss>"
)


def run(task: Task[..., Any], url: str, **arguments: Any) -> dict[str, Any]:
    """Run a task on a URL with 127.0.0.1 allowed."""
    settings = ApiSettings.model_construct(web_allowed_networks=LOCAL, job_result_max_bytes=100_000)
    result: dict[str, Any] = run_inline(task, {"url": url, **arguments}, settings=settings)
    return result


def test_links_of_a_packed_page_behind_a_redirect_are_listed(server: WebServer) -> None:
    """URLs are relative to where the page was found; its encoding is what its header says."""
    html = "<a href=../x>Köln</a><a href=#top>up</a>".encode("latin-1")
    headers = {"Content-Encoding": "gzip", "Content-Type": "text/html; charset=iso-8859-1"}
    server.pages["/deep/page"] = Page(gzip.compress(html), headers=headers)
    result = run(find_links, server.url("/to/%2Fdeep%2Fpage"))
    assert result == {
        "url": server.url("/deep/page"),
        "total": 2,
        "links": [
            {"url": server.url("/x"), "text": "Köln"},
            {"url": server.url("/deep/page#top"), "text": "up"},
        ],
    }


def test_links_beyond_the_limit_are_counted(server: WebServer) -> None:
    """The list is bounded by number and by what a result may hold."""
    server.pages["/many"] = Page(
        "".join(f"<a href=/{number}>{'é' * 400}</a>" for number in range(3000)).encode()
    )
    result = run(find_links, server.url("/many"), limit=10)
    assert (len(result["links"]), result["total"], len(result["links"][0]["text"])) == (
        10,
        3000,
        300,
    )
    result = run(find_links, server.url("/many"), limit=10_000)
    assert result["total"] == 3000
    assert 10 < len(result["links"]) < 100


def test_feed_is_read_in_its_own_encoding(server: WebServer) -> None:
    """Packed too; the link is relative to the feed."""
    text = "<?xml version='1.0' encoding='windows-1251'?>" + RSS.format(title="Новости")
    server.pages["/feed"] = Page(
        gzip.compress(text.encode("cp1251")), headers={"Content-Encoding": "gzip"}
    )
    result = run(read_feed, server.url("/feed"))
    assert (result["title"], result["format"], result["total"]) == ("Новости", "rss20", 1)
    assert result["entries"] == [
        {
            "title": "Новости",
            "link": server.url("/1"),
            "published_at": None,
            "published": None,
            "assumed_zone": None,
        }
    ]


def test_page_that_names_its_feed_is_followed_once(server: WebServer) -> None:
    """The answer says where it was found; a feed that is a page again is not followed."""
    link = b"<html><link rel=alternate type=application/rss+xml href='%b'>"
    server.pages["/"] = Page(link % b"/feed")
    server.pages["/feed"] = Page(
        RSS.format(title="x")
        .replace("<link>", "<pubDate>2016/6/29 15:07:41</pubDate><link>")
        .encode()
    )
    result = run(read_feed, server.url("/"))
    assert (result["url"], result["found_on"], result["total"]) == (
        server.url("/feed"),
        server.url("/"),
        1,
    )
    [entry] = result["entries"]
    assert (entry["published_at"], entry["published"]) == (
        "2016-06-29T15:07:41Z",
        "2016/6/29 15:07:41",
    )
    assert entry["assumed_zone"] == "UTC"
    server.pages["/feed"] = Page(link % b"/")
    with pytest.raises(NotReadable):
        run(read_feed, server.url("/"))
    assert len(server.requests) == 4


def test_date_of_a_feed_is_json(server: WebServer) -> None:
    """UTC, in the form of RFC 3339."""
    server.pages["/feed"] = Page(
        RSS.format(title="x")
        .replace("<link>", "<pubDate>Mon, 02 Jan 2006 15:04:05 GMT</pubDate><link>")
        .encode()
    )
    assert (
        run(read_feed, server.url("/feed"))["entries"][0]["published_at"] == "2006-01-02T15:04:05Z"
    )


@pytest.mark.parametrize("task", [find_links, read_feed], ids=lambda task: task.name)
@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/nothing", "bad_status"),
        ("/endless/", "too_large"),
        ("/trickle", "timed_out"),
        ("/slow-header", "timed_out"),
        ("/gzip", "too_large"),
        ("/redirect/9", "too_many_redirects"),
        ("/to/http%3A%2F%2F169.254.169.254%2F", "address_refused"),
        ("/to/http%3A%2F%2F%5B::ffff:10.0.0.1%5D%2F", "address_refused"),
    ],
)
def test_bad_server_is_a_typed_error(
    server: WebServer, task: Task[..., Any], path: str, code: str
) -> None:
    """There is one document, so the job fails, with the words for its owner."""
    with pytest.raises(WebError) as failure:
        run(task, server.url(path), timeout_s=1)
    assert failure.value.code == code


def test_document_that_is_no_page_is_a_typed_error(server: WebServer) -> None:
    """An image has no links, but whoever asks for them made a mistake."""
    server.pages["/a.png"] = Page(b"\x89PNG", headers={"Content-Type": "image/png"})
    server.pages["/a.xhtml"] = Page(
        b"<a href=/x>x</a>", headers={"Content-Type": "application/xhtml+xml"}
    )
    with pytest.raises(NotReadable, match=r"no HTML page: .* image/png"):
        run(find_links, server.url("/a.png"))
    assert run(find_links, server.url("/a.xhtml"))["total"] == 1


@pytest.mark.parametrize(
    ("task", "path", "document"),
    [
        ("hurried.web.links", "/nested", "<div>" * 400_000),
        (
            "hurried.web.feed_titles",
            "/attributes",
            "<rss " + " ".join(f"a{number}='1'" for number in range(200_000)) + ">",
        ),
    ],
)
def test_document_made_to_harm_ends_with_its_child(
    bench: EngineBench, server: WebServer, task: str, path: str, document: str
) -> None:
    """Minutes of parsing that can't be interrupted:
    the child is killed, the job fails by its time-out, the engine goes on."""
    server.pages[path] = Page(document.encode())
    server.pages["/good"] = Page(RSS.format(title="x").encode())
    engine = bench.start(
        task_modules=("tests.integration.tasks.hostile_pages",),
        web_allowed_networks=LOCAL,
        job_processes=1,
    )
    job = bench.outcome(engine, bench.submit(engine, task, {"url": server.url(path)}), timeout_s=30)
    assert (job.status, job.error and job.error["type"]) == (JobStatus.FAILED, "TimedOut")
    assert bench.run(engine, task, {"url": server.url("/good")}).status is JobStatus.SUCCEEDED


@pytest.mark.parametrize(
    "arguments",
    [
        {"url": "file:///x"},
        {"url": "http://a/", "limit": 0},
        {"url": "http://a/", "limit": 10**6},
        {},
    ],
)
def test_wrong_arguments_are_refused_before_a_job_is_made(arguments: dict[str, Any]) -> None:
    """Of both tasks."""
    for task in (find_links, read_feed):
        with pytest.raises(InvalidArguments):
            run_inline(task, arguments)
