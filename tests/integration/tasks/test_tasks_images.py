"""web.download_images against a real server:
files, names, pages, threads, limits, and every kind of bad image."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from flask_api.jobs.errors import InvalidArguments, JobCancelled, StopReason
from flask_api.jobs.tasks.context import Progress
from flask_api.jobs.tasks.inline import InlineReporter, run_inline
from flask_api.tasks.web import images
from flask_api.tasks.web.images import download_images
from shared.settings import ApiSettings
from tests.integration.engine.engine_bench import EngineBench
from tests.integration.tasks.web_server import LOCAL, Page, WebServer, running_server


def image(kind: str = "PNG", *, size: tuple[int, int] = (30, 20)) -> bytes:
    """Return an image of noise."""
    file = BytesIO()
    Image.effect_noise(size, 64).convert("RGB").save(file, kind)
    return file.getvalue()


@pytest.fixture
def server() -> Iterator[WebServer]:
    """A web server on 127.0.0.1 with some images."""
    with running_server() as running:
        running.pages["/a.png"] = Page(image())
        running.pages["/b.jpg"] = Page(image("JPEG", size=(40, 10)))
        yield running


def download(
    arguments: dict[str, Any], reporter: InlineReporter | None = None, **settings: Any
) -> dict[str, Any]:
    """Run the task with 127.0.0.1 allowed."""
    kept = ApiSettings.model_construct(**{"web_allowed_networks": LOCAL, **settings})
    result: dict[str, Any] = run_inline(
        download_images, arguments, settings=kept, reporter=reporter
    )
    return result


def code_of(server: WebServer, path: str) -> str:
    """Return why one image failed; a good one beside it must be there."""
    result = download(
        {"urls": [server.url(path), server.url("/a.png")], "timeout_s": 1, "max_bytes": 100_000}
    )
    bad, good = result["images"]
    assert (result["saved"], good["error"], bad["file"]) == (1, None, None)
    code: str = bad["error"]["code"]
    return code


def test_images_are_kept_as_files_with_what_is_known_of_them(server: WebServer) -> None:
    """In the order given, under safe names that are each its own, whatever the URLs say."""
    server.pages["/dir/..%2f..%2fetc%2fpasswd"] = server.pages["/b.jpg"]
    server.pages[f"/{'x' * 200}.php"] = server.pages["/b.jpg"]
    server.pages["/%00%e2%80%ae.exe"] = server.pages["/b.jpg"]
    paths = [
        "/a.png",
        "/b.jpg?v=2",
        "/b.jpg",
        "/dir/..%2f..%2fetc%2fpasswd",
        f"/{'x' * 200}.php",
        "/%00%e2%80%ae.exe",
    ]
    reporter = InlineReporter()
    result = download({"urls": [server.url(path) for path in paths]}, reporter)
    first, second, *_ = result["images"]
    png = server.pages["/a.png"].body
    assert {**first, "duration_ms": 0} == {
        "url": server.url("/a.png"),
        "file": "1-a.png",
        "bytes": len(png),
        "trailing_bytes": 0,
        "width": 30,
        "height": 20,
        "format": "PNG",
        "error": None,
        "duration_ms": 0,
    }
    assert (second["file"], second["format"], second["width"]) == ("2-b.jpg", "JPEG", 40)
    names = ["1-a.png", "2-b.jpg", "3-b.jpg", "4-passwd.jpg", f"5-{'x' * 60}.jpg", "6-image.jpg"]
    assert [row["file"] for row in result["images"]] == sorted(reporter.files) == names
    assert reporter.files["1-a.png"] == png
    assert (result["saved"], result["bytes"]) == (
        6,
        sum(len(data) for data in reporter.files.values()),
    )


def test_page_gives_the_images_on_it(server: WebServer) -> None:
    """With a base, relative URLs and a srcset; a URL in both arguments is fetched once."""
    html = (
        b"<base href=/><img src=a.png><img srcset='b.jpg 1x, gone.png 2x'><img src='data:,x'><img "
        b"src='http://10.0.0.1/x.png'>"
    )
    server.pages["/page"] = Page(html)
    result = download({"page": server.url("/page"), "urls": [server.url("/b.jpg")]})
    assert [
        (row["url"].rpartition("/")[2], row["error"] and row["error"]["code"])
        for row in result["images"]
    ] == [
        ("b.jpg", None),
        ("a.png", None),
        ("gone.png", "bad_status"),
        ("x.png", "address_refused"),
    ]


def test_page_without_images_is_an_empty_result(server: WebServer) -> None:
    """Not an error."""
    server.pages["/page"] = Page(b"no images")
    assert download({"page": server.url("/page")})["images"] == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "not_readable"),
        (b"<svg/>", "not_readable"),
        (image()[:-100], "not_readable"),
        (image("BMP", size=(400, 100)), "too_large"),
    ],
)
def test_bad_image_is_an_error_of_its_row(server: WebServer, body: bytes, code: str) -> None:
    """The rest goes on."""
    server.pages["/bad"] = Page(body)
    assert code_of(server, "/bad") == code


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/nothing", "bad_status"),
        ("/endless/", "too_large"),
        ("/trickle", "timed_out"),
        ("/hold", "timed_out"),
        ("/gzip", "too_large"),
        ("/redirect/9", "too_many_redirects"),
        ("/to/file%3A%2F%2F%2Fetc%2Fpasswd", "url_refused"),
        ("/to/http%3A%2F%2F169.254.169.254%2Fx.png", "address_refused"),
    ],
)
def test_bad_server_is_an_error_of_its_row(server: WebServer, path: str, code: str) -> None:
    """Slow, endless, packed without end, or sending us elsewhere."""
    assert code_of(server, path) == code


def test_eight_are_downloaded_at_the_same_time(server: WebServer) -> None:
    """By default; one at a time when asked for."""
    reports: list[Progress] = []
    urls = [server.url(f"/busy/{number}") for number in range(24)]
    download({"urls": urls}, InlineReporter(reports.append))
    assert server.most_busy == 8
    assert (reports[-1].done, reports[-1].total, reports[-1].message) == (24, 24, "24 of 24 images")
    server.most_busy = 0
    download({"urls": urls[:4], "concurrency": 1})
    assert server.most_busy == 1


def test_image_beyond_what_a_job_may_keep_is_an_error_of_its_row(
    bench: EngineBench, server: WebServer
) -> None:
    """On the engine, in a child process: two files are kept, the third has nowhere to go."""
    engine = bench.start(
        task_modules=("flask_api.tasks.web.images",), web_allowed_networks=LOCAL, job_files_max=2
    )
    job = bench.run(
        engine,
        "web.download_images",
        {"urls": [server.url(f"/a.png?{number}") for number in range(3)]},
    )
    assert job.result["saved"] == 2, job.error
    assert [row["error"]["code"] for row in job.result["images"] if row["error"]] == ["not_kept"]
    assert sorted(file["name"] for file in job.files) == sorted(
        row["file"] for row in job.result["images"] if row["file"]
    )


def test_cancel_while_downloads_hang_ends_them(server: WebServer) -> None:
    """Nothing waits for the sixty seconds."""

    def must_stop() -> StopReason | None:
        return StopReason.CANCELLED if server.held.is_set() else None

    kept = ApiSettings.model_construct(web_allowed_networks=LOCAL)
    with pytest.raises(JobCancelled):
        run_inline(
            download_images,
            {"urls": [server.url(f"/hold/{n}") for n in range(30)], "timeout_s": 60},
            settings=kept,
            must_stop=must_stop,
        )
    assert len(server.requests) <= 8


def test_no_url_and_no_page_is_an_error_that_names_both() -> None:
    """Both are optional, one is needed: known before anything is submitted."""
    nothing: list[dict[str, Any]] = [{}, {"urls": []}, {"urls": [], "page": None}]
    for arguments in nothing:
        with pytest.raises(InvalidArguments) as refused:
            download(arguments)
        assert [problem.detail for problem in refused.value.problems] == [
            "Give at least one of urls, page."
        ]


@pytest.mark.parametrize(
    "arguments",
    [
        {"urls": ["ftp://a/"]},
        {"urls": ["http://a/"] * 1001},
        {"page": "javascript:x"},
        {"page": ["http://a/"]},
        {"urls": ["http://a/"], "concurrency": 0},
        {"urls": ["http://a/"], "concurrency": 17},
        {"urls": ["http://a/"], "max_bytes": 20_000_001},
        {"urls": ["http://a/"], "timeout_s": 0},
        {"urls": ["http://a/"], "folder": "/tmp"},
    ],
)
def test_wrong_arguments_are_refused_before_a_job_is_made(arguments: dict[str, Any]) -> None:
    """Number and form of URLs and every limit."""
    with pytest.raises(InvalidArguments):
        download(arguments)


def test_images_that_are_not_had_in_the_time_for_all_are_given_up(
    server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slow hosts keep a process from everybody's work for minutes, not for an hour;
    what was had is kept."""
    monkeypatch.setattr(images, "TOTAL_S", 0)
    result = download({"urls": [server.url("/a.png"), server.url("/b.jpg")]})
    assert [row["error"]["code"] for row in result["images"]] == ["timed_out", "timed_out"]
    assert server.requests == []
