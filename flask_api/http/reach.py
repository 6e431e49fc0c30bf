"""What a credential sees of jobs, batches and files, and on whose it may act:
decided here, and nowhere else.

Seeing: one's own, and everybody's for staff. Acting: on one's own; on other people's only staff
with Django's permission OPERATE_PERMISSION, and by key only one with the scope OPERATE_SCOPE; each
such act is in the record of operators before it is done (flask_api.http.operators.record). Contents
(arguments, results, errors, progress, files) are for credentials that cover READ_SCOPE: others get
a receipt. See docs/scopes.md.
"""

from typing import Any, TypedDict

from flask_api.gate.extension import current_identity, current_principal
from flask_api.gate.requirements import require_scope
from flask_api.http.job_json import job_json, receipt_json
from flask_api.http.job_requests import owner_of
from flask_api.http.operators.access import OPERATE_PERMISSION
from flask_api.http.operators.record import begin_deeds
from flask_api.http.state import api_state
from flask_api.jobs.batches import Batch
from flask_api.jobs.files.uploads import Upload
from flask_api.jobs.records.job import Job, Owner
from shared.contract.api_keys import OPERATE_SCOPE, READ_SCOPE
from shared.errors import PermissionDenied


def job_to_see(job_id: object) -> Job:
    """Return a job that this request may see; raises JobNotFound or JobExpired."""
    return api_state().engine.get(str(job_id), **_who_sees())


def batch_to_see(batch_id: object) -> Batch:
    """Return a batch that this request may see; raises JobNotFound."""
    return api_state().engine.get_batch(str(batch_id), **_who_sees())


def upload_to_see(file_id: object) -> Upload:
    """Return an uploaded file that this request may see; raises UploadNotFound."""
    return api_state().engine.uploads.get(str(file_id), **_who_sees())


def job_to_act_on(job_id: object, act: str) -> Job:
    """Return a job for an act; raises as job_to_see,
    and PermissionDenied for a person who may only see it."""
    job = job_to_see(job_id)
    _allow(act, owner_id=job.owner.id, thing=f"job {job.id}")
    return job


def batch_to_act_on(batch_id: object, act: str) -> Batch:
    """Return a batch for an act; see job_to_act_on."""
    batch = batch_to_see(batch_id)
    _allow(act, owner_id=batch.owner.id, thing=f"batch {batch.id}")
    return batch


def upload_to_act_on(file_id: object, act: str) -> Upload:
    """Return an uploaded file for an act; see job_to_act_on."""
    upload = upload_to_see(file_id)
    _allow(act, owner_id=upload.owner_id, thing=f"file {upload.id}")
    return upload


def sees_contents() -> bool:
    """Tell whether this request's credential may see what jobs were given and what they made."""
    return current_identity().has_scope(READ_SCOPE)


def shown(job: Job) -> dict[str, Any]:
    """Return a job's record as this request may see it: whole, or a receipt."""
    identity = current_identity()
    if not identity.has_scope(READ_SCOPE):
        return receipt_json(job)
    return job_json(job, staff=identity.principal.is_staff)


class _WhoSees(TypedDict):
    viewer: Owner
    sees_all: bool


def _who_sees() -> _WhoSees:
    principal = current_principal()
    return {"viewer": owner_of(principal), "sees_all": principal.is_staff}


def _allow(act: str, *, owner_id: str, thing: str) -> None:
    principal = current_principal()
    if principal.id == owner_id:
        return
    if not principal.has_permission(OPERATE_PERMISSION):
        raise PermissionDenied(
            f"This is another person's: to {act} it needs the permission {OPERATE_PERMISSION}."
        )
    require_scope(current_identity(), OPERATE_SCOPE)
    begin_deeds(act, [(thing, owner_id)])
