"""What a worker on another machine needs: where jobs are, and no secret of a session."""

import os
from typing import Annotated, Any, ClassVar

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from shared.settings.api import ApiSettings
from shared.settings.fields import Secret, WordList, split_list


class WorkerSettings(ApiSettings):
    """What a worker on another machine needs."""

    env_files: ClassVar[tuple[str, ...]] = ("api.env", "worker.env")

    session_secrets: Annotated[tuple[Secret, ...], NoDecode] = Field(
        (), exclude=True, description="none: a worker reads no session"
    )
    worker_slots: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=1,
        le=256,
        description="attempts that one worker runs at once; else one per processor",
    )
    worker_labels: WordList = Field(
        (), description="what this machine has that tasks may need, comma-separated: gpu"
    )
    worker_drain_s: int = Field(
        30, ge=0, le=3600, description="seconds that a worker which stops lets its attempts go on"
    )

    @field_validator("worker_labels", mode="before")
    @classmethod
    def _split_labels(cls, value: Any) -> Any:
        return split_list(value)
