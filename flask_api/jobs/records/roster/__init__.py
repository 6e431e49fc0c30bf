"""The workers on other machines, as Redis knows them."""

from flask_api.jobs.records.roster.kinds import FORMAT, WorkerKind, WorkerName
from flask_api.jobs.records.roster.roster import EndNotice, Roster, TakenAttempt

__all__ = ["FORMAT", "EndNotice", "Roster", "TakenAttempt", "WorkerKind", "WorkerName"]
