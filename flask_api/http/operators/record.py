"""Write what an operator does into the record: before it is done, and what came of it before it is
answered.

    ids = begin_deeds("cancel", [("job 0199...", "7")])     # raises: then nothing may be done
    ...                                                     # do it
    end_deeds({ids[0]: "done"})                             # or leave it to the answer's status
"""

import logging
from collections.abc import Mapping, Sequence

from flask import Response, after_this_request

from flask_api.gate.extension import current_identity
from flask_api.gate.state import gate_state, this_memory, this_request
from flask_api.http.state import api_state
from flask_api.jobs.operating.audit import Deed
from shared.errors import JobStoreUnavailable
from shared.http.client_address import client_address

log = logging.getLogger("gatehouse.jobs")
security_log = logging.getLogger("gatehouse.security")

_OPEN = "gatehouse_open_deeds"
Thing = tuple[str, str]  # what it is, and whose: the person's id, "" nobody's


def begin_deeds(act: str, things: Sequence[Thing], *, note: str = "") -> list[str]:
    """Write that this request is about to do something; return the entries' ids.
    Raises JobStoreUnavailable: then it must not be done."""
    identity = current_identity()
    key_id = "" if identity.key is None else identity.key.id
    principal, address = identity.principal, _address()
    deeds = [
        Deed(
            act=act,
            thing=thing,
            owner_id=owner_id,
            by=principal.id,
            username=principal.username,
            key_id=key_id,
            address=address,
            note=note,
        )
        for thing, owner_id in things
    ]
    ids = api_state().operators.audit.begin(deeds) if deeds else []
    if _OPEN not in this_memory():  # the outcome of what the view leaves open goes with its answer
        after_this_request(_end_open)
    opened: list[str] = this_memory().setdefault(_OPEN, [])
    opened.extend(ids)
    for deed in deeds:
        extra = {"act": act, "thing": deed.thing, "owner_id": deed.owner_id, "note": note}
        who = {"user_id": principal.id, "key_id": key_id or None, "address": address}
        security_log.warning("operator acts", extra={**extra, **who})
    return ids


def end_deeds(outcomes: Mapping[str, str]) -> None:
    """Write what came of some of them. While Redis is away, that is in the log only."""
    opened: list[str] = this_memory().setdefault(_OPEN, [])
    opened[:] = [each for each in opened if each not in outcomes]
    if not outcomes:
        return
    try:
        api_state().operators.audit.end(outcomes)
    except JobStoreUnavailable:
        log.warning("outcomes of operators' acts are not in the record: Redis is away")


def _end_open(response: Response) -> Response:
    opened: list[str] = this_memory().get(_OPEN)
    # What broke off may have been done: nothing is said of it, for good.
    if opened and response.status_code < 500:
        outcome = "done" if response.status_code < 400 else f"refused: {response.status}"
        end_deeds(dict.fromkeys(opened, outcome))
    return response


def _address() -> str:
    sent, settings = this_request(), gate_state().settings
    return client_address(
        peer=sent.remote_addr or "",
        forwarded_for=sent.headers.get("X-Forwarded-For", ""),
        trusted_proxy=settings.trusted_proxy,
    )
