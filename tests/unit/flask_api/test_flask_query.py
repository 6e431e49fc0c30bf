"""Reading query parameters: typed, and a wrong one is named."""

import pytest
from flask import Flask
from pydantic import BaseModel, ConfigDict, Field

from flask_api.http.query import InvalidQuery, read_query

app = Flask(__name__)


class Query(BaseModel):
    """What a listing might accept."""

    model_config = ConfigDict(extra="forbid")
    limit: int = Field(20, ge=1, le=100)
    status: str | None = None


def test_parameters_are_read_into_the_model() -> None:
    """Text becomes what the model says; what is absent has its default."""
    with app.test_request_context("/?limit=7"):
        assert read_query(Query) == Query(limit=7)
    with app.test_request_context("/"):
        assert read_query(Query) == Query(limit=20)


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=101", "limit=x", "limit=", "limit=1.5", "limit=%FF", "limit=1&limit=2"],
)
def test_wrong_parameter_is_named(query: str) -> None:
    """The problem names the parameter, one that is there twice too."""
    with app.test_request_context(f"/?{query}"), pytest.raises(InvalidQuery) as caught:
        read_query(Query)
    assert [problem.parameter for problem in caught.value.problems] == ["limit"]


def test_unknown_parameter_gets_the_accepted_ones() -> None:
    """A misspelt filter is refused instead of ignored; a long name is cut."""
    with (
        app.test_request_context(f"/?state=x&{'y' * 1000}=1"),
        pytest.raises(InvalidQuery) as caught,
    ):
        read_query(Query)
    first, second = caught.value.problems
    assert (first.parameter, first.detail) == (
        "state",
        "There is no such parameter; accepted: limit, status.",
    )
    assert second.parameter == "y" * 100
