"""What a person keeps and may keep, as the API's answers have it."""

from typing import Annotated

from pydantic import BaseModel, Field, WithJsonSchema

Path = Annotated[str, WithJsonSchema({"type": "string", "format": "uri-reference"})]


class QuotaUsage(BaseModel):
    """How much of one kind is kept, and how much may be."""

    used: int
    limit: int


class Usage(BaseModel):
    """What a person keeps, by kind. What is at its limit is refused until something is deleted or
    expires."""

    bytes: Annotated[
        QuotaUsage,
        Field(
            description="of jobs: their arguments, results, errors, states and logs, "
            "and 1,000 for each"
        ),
    ]
    ended_jobs: QuotaUsage
    unfinished_jobs: QuotaUsage
    file_bytes: Annotated[QuotaUsage, Field(description="of files that jobs keep")]
    uploads: QuotaUsage
    upload_bytes: QuotaUsage
    event_bytes: Annotated[
        QuotaUsage, Field(description="of events; at the limit the oldest go, nothing is refused")
    ]
    links: Annotated[dict[str, Path], Field(description="where to find what can be deleted")]


class Quota(BaseModel):
    """Which quota was reached."""

    kind: str
    used: int
    limit: int
    links: Annotated[dict[str, Path], Field(description="where to find what can be deleted")]
