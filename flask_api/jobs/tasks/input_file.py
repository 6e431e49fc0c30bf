"""A file that somebody uploaded, as the parameter of a task.

    @task("text.first_line")
    def first_line(file: InputFile) -> str:
        \"\"\"Return the first line of a text.\"\"\"
        with file.open() as stream:
            return stream.readline(1000).decode()

In JSON it is the upload's id (``POST /api/files``); its JSON Schema is a string with
``"x-gatehouse-file": true``, for forms and the command line.
A submit with an id that isn't one of the submitter's files is refused; an unfinished job's file is
kept.
"""

import mimetypes
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

JSON_SCHEMA = {"type": "string", "format": "uuid", "x-gatehouse-file": True}


class InputFile:
    """One uploaded file. Reading it blocks for the storage's I/O;
    it may be read several times, also from several threads.

    ``name`` is the uploader's word and no path; ``size`` is in bytes;
    ``media_type`` was found out from the content.
    """

    def __init__(
        self,
        file_id: str,
        *,
        name: str = "",
        size: int = 0,
        media_type: str = "application/octet-stream",
        opener: Callable[[], BinaryIO] | None = None,
        path: Path | None = None,
    ) -> None:
        self.id = file_id
        self.name = name
        self.size = size
        self.media_type = media_type
        self._opener = opener
        self._path = path

    def __repr__(self) -> str:
        return f"InputFile({self.id!r}, name={self.name!r}, size={self.size})"

    @classmethod
    def of_path(cls, path: Path, *, file_id: str = "") -> Self:
        """Return a file of this machine as an input:
        for tests, and for a run without the service."""
        media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        size = path.stat().st_size
        return cls(
            file_id or str(uuid.uuid4()),
            name=path.name,
            size=size,
            media_type=media_type,
            path=path,
        )

    def open(self) -> BinaryIO:
        """Open the content for reading, as bytes; close it, best by ``with``."""
        if self._opener is not None:
            return self._opener()
        if self._path is not None:
            return self._path.open("rb")
        raise ValueError("The file is only named here: its content is for the running job.")

    @contextmanager
    def local_path(self) -> Iterator[Path]:
        """Give a path of this machine, for libraries that need one. Read only;
        it may be gone after the ``with``.

        No copy is made when the storage is a local folder.
        """
        if self._path is not None and self._path.exists():
            yield self._path
            return
        with tempfile.NamedTemporaryFile(
            prefix="gatehouse-", suffix=Path(self.name).suffix[:20]
        ) as copy:
            with self.open() as stream:
                shutil.copyfileobj(stream, copy, 1 << 20)
            copy.flush()
            yield Path(copy.name)

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: object, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Read a UUID; what the validation's context is asked for it is the value."""
        del source, handler
        return core_schema.with_info_after_validator_function(
            _resolve,
            core_schema.uuid_schema(),
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda file: file.id, return_schema=core_schema.str_schema()
            ),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe it so that a form shows a file field."""
        del schema, handler
        return dict(JSON_SCHEMA)


# Finds a file by its id. At a submit it refuses what is not the submitter's;
# in a job it gives what can be opened.
Resolver = Callable[[str], InputFile]


def _resolve(file_id: uuid.UUID, info: core_schema.ValidationInfo[Any]) -> InputFile:
    resolve: Resolver | None = info.context
    return InputFile(str(file_id)) if resolve is None else resolve(str(file_id))
