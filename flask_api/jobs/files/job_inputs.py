"""From the ids in a job's arguments to files: when it is submitted, and when it runs."""

from itertools import repeat

from pydantic_core import PydanticCustomError

from flask_api.jobs.errors import ArgumentProblem, InvalidArguments, TaskError
from flask_api.jobs.files.uploads import Uploads
from flask_api.jobs.records.outages import retry_while_away
from flask_api.jobs.tasks.input_file import InputFile
from shared.clock import JOBS_CLOCK

# An attempt that begins while Redis is away for a moment waits for its files rather than fail.
_TRIES = 20
_PAUSE_S = 0.5


class SubmittedInputs:
    """The files of one submit. ``find`` is asked while its arguments are checked;
    ``hold`` keeps what was found."""

    def __init__(self, uploads: Uploads, owner_id: str) -> None:
        self._uploads = uploads
        self._owner_id = owner_id
        self._found: dict[str, InputFile | None] = {}  # the jobs of a batch may all have the same

    def find(self, file_id: str) -> InputFile:
        """Return a file of the submitter's that has not expired;
        any other is a problem of the argument that names it."""
        if file_id not in self._found:
            self._found[file_id] = self._look_up(file_id)
        file = self._found[file_id]
        if file is None:
            raise PydanticCustomError(
                "input_file", "You have no file of this id; uploaded files expire: upload it again"
            )
        return file

    def hold(self, holder: str) -> None:
        """Keep the files that were found until ``holder`` has ended: job:<id> or batch:<id>.
        Call it before it is accepted.

        Raises InvalidArguments when one was deleted since.
        Asks nothing of Redis when there is none.
        """
        if self._found and not self._uploads.entries.hold(list(self._found), holder):
            problem = ArgumentProblem(
                pointer="/arguments", detail="A file was deleted meanwhile: upload it again."
            )
            raise InvalidArguments("An uploaded file is gone.", problems=[problem])

    def _look_up(self, file_id: str) -> InputFile | None:
        upload = self._uploads.find(file_id)
        if (
            upload is None
            or upload.owner_id != self._owner_id
            or upload.expires_at <= JOBS_CLOCK.moment()
        ):
            return None
        return self._uploads.as_input(upload)


def input_of_job(uploads: Uploads, owner_id: str, file_id: str) -> InputFile:
    """Return a file of a job of this person's when it runs. Raises TaskError when it is gone."""
    upload = retry_while_away(lambda: uploads.find(file_id), repeat(_PAUSE_S, _TRIES))
    if upload is None or upload.owner_id != owner_id:
        raise TaskError(f"The uploaded file {file_id} is gone.")
    return uploads.as_input(upload)
