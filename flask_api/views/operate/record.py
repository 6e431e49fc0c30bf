"""The record of what operators did."""

from typing import Annotated

from flask import Blueprint, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from flask_api.http.answers import page_answer
from flask_api.http.operators.access import viewer_required
from flask_api.http.query import read_query
from flask_api.http.state import api_state
from flask_api.operation.describe import Answer, describe
from flask_api.operation.shapes import PageLinksJson
from shared.errors import JobStoreUnavailable

blueprint = Blueprint("operate_record", __name__, url_prefix="/operate")


class RecordQuery(BaseModel):
    """Which page of the record."""

    model_config = ConfigDict(extra="forbid")

    cursor: Annotated[str, Field(pattern=r"^[0-9]{1,15}-[0-9]{1,15}$")] | None = Field(
        None, description="next_cursor of the last page."
    )
    limit: int = Field(50, ge=1, le=200, description="Entries on a page.")


class DeedJson(BaseModel):
    """What an operator did, or was about to do."""

    id: str
    at: AwareDatetime
    act: str
    thing: str
    owner_id: Annotated[str, Field(description="whose it is; empty of what is nobody's")]
    by: Annotated[str, Field(description="the operator's id")]
    username: str
    key_id: Annotated[str, Field(description="of the key it was done with; empty by a session")]
    address: Annotated[str, Field(description="where the request came from")]
    note: str
    outcome: Annotated[str, Field(description='"done", or "refused: ..."; empty when nobody knows')]


class RecordPage(BaseModel):
    """One page, the newest first."""

    entries: list[DeedJson]
    next_cursor: str | None
    links: PageLinksJson | None = None


@blueprint.get("/record")
@viewer_required
@describe(
    "listRecord",
    query=RecordQuery,
    answers={200: Answer("A page, newest first.", RecordPage)},
    problems=(JobStoreUnavailable,),
)
def show() -> Response:
    """Read the record of what operators did.

    Every act on another person's job, batch or file and every pause is written here before it is
    done, and what came of it before it is answered; so is each look at a person's work ("look at").
    The last 20,000 acts are kept, and the last 20,000 looks; the security log has each of them too.
    """
    query = read_query(RecordQuery)
    entries, cursor = api_state().operators.audit.page(limit=query.limit, cursor=query.cursor)
    lines = [
        {
            "id": entry.id,
            "at": entry.at,
            "act": entry.deed.act,
            "thing": entry.deed.thing,
            "owner_id": entry.deed.owner_id,
            "by": entry.deed.by,
            "username": entry.deed.username,
            "key_id": entry.deed.key_id,
            "address": entry.deed.address,
            "note": entry.deed.note,
            "outcome": entry.outcome,
        }
        for entry in entries
    ]
    return page_answer("entries", lines, cursor, limit=query.limit)
