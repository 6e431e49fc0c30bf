"""Tasks for the tests of what a job's page shows: what is nested, a log with colours, Markdown,
pictures, and a hostile one of each."""

import io
import time
from pathlib import Path
from typing import Annotated, Any

from PIL import Image
from pydantic import Field

from flask_api.jobs.tasks.context import JobContext
from flask_api.jobs.tasks.task import task

_TICK_S = 0.05


@task("results.nested")
def nested(depth: Annotated[int, Field(ge=1, le=60)] = 8) -> dict[str, Any]:
    """Return what is nested, and a table with objects in its rows."""
    inner: Any = {"end": "here", "numbers": [[1, 2], [3, 4]]}
    for number in range(depth):
        inner = {"level": number, "in": inner, "none": None}
    rows = [
        {"name": f"n{n}", "read": {"rule": "<i>as it is</i>", "missing": [n]}, "size": n * 1000}
        for n in range(30)
    ]
    return {"deep": inner, "matrix": [[1, [2]], [3, 4]], "rows": rows}


# Markup, an escape within an escape, colours that hide, other sequences, an override of direction.
LINES = (
    "\x1b[31mred\x1b[0m plain \x1b[1;4;38;5;46mbold green\x1b[22m thin\x1b[m",
    "\x1b[7minverse\x1b[27m \x1b[97;41mon red\x1b[0m \x1b[38;2;10;200;255mcyan\x1b[39m",
    "\x1b[8mhidden\x1b[0m \x1b[2J\x1b]8;;https://evil.example/\x07link\x1b]8;;\x07 \x1b[\x1b[32m31mred?",
    '\x1b[31m<img src=x onerror="alert(1)">\x1b[0m \u202egnp.exe',
)
MARKDOWN = """# Sales of 2020

Up by **12 %**, see [the report](https://example.org/a?b=1&c=2) and ![a plot](https://example.org/plot.png).

<script>alert(1)</script> [no](javascript:alert(1)) &#x202E;

##### Table

| country | sales |
| --- | ---: |
| Italy | 1,200 |
| Chile | 80 |

1. one
2. two

> It was a good year.

```python
print("x" * 100)
```
"""


@task("results.log")
def log(lines: Annotated[int, Field(ge=0, le=3000)] = 0, *, job: JobContext) -> int:
    """Say what is coloured and hostile, then so many lines."""
    for line in LINES:
        job.log(line)
    for number in range(lines):
        job.log(f"line {number}", level="warning" if number % 50 == 49 else "info")
    return lines


@task("results.report")
def report(text: str = MARKDOWN, *, job: JobContext) -> dict[str, Any]:
    """Return Markdown, and keep pictures; one is a document, and one is none."""
    for number, colour in enumerate(("#1f5fbf", "#b8530f", "#176639", "#8a2f8f")):
        opened = io.BytesIO()
        Image.new("RGB", (640, 360 + 160 * number), colour).save(opened, "png")
        job.save_file(f"picture-{number}.png", opened.getvalue())
    svg = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    job.save_file("drawing.svg", svg)
    job.save_file("fake.png", svg)
    return {"report": job.markdown(text), "count": 3}


@task("results.album")
def album(first: str, second: str, *, job: JobContext) -> int:
    """Keep what is no picture, and one that is; another one when a file is there, and end when the
    second one is."""
    opened = io.BytesIO()
    Image.new("RGB", (64, 64), "#1f5fbf").save(opened, "png")
    job.save_file("fake.png", "none")
    job.save_file("late.png", opened.getvalue())
    _wait_for(first, job)
    job.save_file("early.png", opened.getvalue())
    _wait_for(second, job)
    return 3


def _wait_for(path: str, job: JobContext) -> None:
    while not Path(path).exists():
        job.checkpoint()
        time.sleep(_TICK_S)
