"""Tasks for the tests of what a job's page shows: what is nested, a log with colours, Markdown,
pictures, and a hostile one of each."""

from typing import Annotated, Any

from pydantic import Field

from flask_api.jobs.tasks.task import task


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
    return {"deep": inner, "matrix": [[1, 2], [3, 4]], "rows": rows}
