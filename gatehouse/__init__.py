"""Gatehouse from a script: submit jobs, wait for them, read their results.

    with gatehouse.Client() as client:        # GATEHOUSE_URL, GATEHOUSE_KEY, or gatehouse login
        print(client.submit("primes.sum", limit=100_000).result())

    with gatehouse.Executor() as executor:    # a concurrent.futures.Executor
        print(list(executor.map("primes.sum", [10, 100, 1000])))

``AsyncClient`` has the same methods for asyncio. Every error is a ``GatehouseError``:
gatehouse.errors draws the tree. What is named here is loaded when it is first used:
``import gatehouse`` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gatehouse.async_client import AsyncClient as AsyncClient
    from gatehouse.async_handles import AsyncBatch as AsyncBatch
    from gatehouse.async_handles import AsyncJob as AsyncJob
    from gatehouse.async_handles import AsyncSharedJob as AsyncSharedJob
    from gatehouse.client import Client as Client
    from gatehouse.errors import ApiError as ApiError
    from gatehouse.errors import BadAnswer as BadAnswer
    from gatehouse.errors import ConfigurationError as ConfigurationError
    from gatehouse.errors import Conflict as Conflict
    from gatehouse.errors import Expired as Expired
    from gatehouse.errors import Forbidden as Forbidden
    from gatehouse.errors import GatehouseError as GatehouseError
    from gatehouse.errors import InvalidRequest as InvalidRequest
    from gatehouse.errors import JobCancelled as JobCancelled
    from gatehouse.errors import JobEnded as JobEnded
    from gatehouse.errors import JobFailed as JobFailed
    from gatehouse.errors import JobTimedOut as JobTimedOut
    from gatehouse.errors import NotFound as NotFound
    from gatehouse.errors import NotLoggedIn as NotLoggedIn
    from gatehouse.errors import QuotaExceeded as QuotaExceeded
    from gatehouse.errors import RemoteError as RemoteError
    from gatehouse.errors import ServerError as ServerError
    from gatehouse.errors import TooManyRequests as TooManyRequests
    from gatehouse.errors import Unavailable as Unavailable
    from gatehouse.errors import WaitTimedOut as WaitTimedOut
    from gatehouse.executor.executor import Executor as Executor
    from gatehouse.handles import Batch as Batch
    from gatehouse.handles import Job as Job
    from gatehouse.handles import SharedJob as SharedJob
    from gatehouse.protocol.events import Event as Event
    from gatehouse.protocol.records import BatchRecord as BatchRecord
    from gatehouse.protocol.records import JobFile as JobFile
    from gatehouse.protocol.records import JobRecord as JobRecord
    from gatehouse.protocol.records import JobResult as JobResult
    from gatehouse.protocol.records import Me as Me
    from gatehouse.protocol.records import NewShare as NewShare
    from gatehouse.protocol.records import SharedRecord as SharedRecord
    from gatehouse.protocol.records import ShareRecord as ShareRecord
    from gatehouse.protocol.records import TaskInfo as TaskInfo
    from gatehouse.protocol.records import UploadedFile as UploadedFile
    from gatehouse.protocol.records import Usage as Usage

_NAMES = {
    "gatehouse.async_client": ("AsyncClient",),
    "gatehouse.async_handles": ("AsyncBatch", "AsyncJob", "AsyncSharedJob"),
    "gatehouse.client": ("Client",),
    "gatehouse.errors": (
        "ApiError",
        "BadAnswer",
        "ConfigurationError",
        "Conflict",
        "Expired",
        "Forbidden",
        "GatehouseError",
        "InvalidRequest",
        "JobCancelled",
        "JobEnded",
        "JobFailed",
        "JobTimedOut",
        "NotFound",
        "NotLoggedIn",
        "QuotaExceeded",
        "RemoteError",
        "ServerError",
        "TooManyRequests",
        "Unavailable",
        "WaitTimedOut",
    ),
    "gatehouse.protocol.events": ("Event",),
    "gatehouse.executor.executor": ("Executor",),
    "gatehouse.handles": ("Batch", "Job", "SharedJob"),
    "gatehouse.protocol.records": (
        "BatchRecord",
        "JobFile",
        "JobRecord",
        "JobResult",
        "Me",
        "NewShare",
        "ShareRecord",
        "SharedRecord",
        "TaskInfo",
        "UploadedFile",
        "Usage",
    ),
}
_MODULE_OF = {name: module for module, names in _NAMES.items() for name in names}

__all__ = sorted(_MODULE_OF)  # noqa: PLE0605  # one list of names, not two


if not TYPE_CHECKING:  # else a misspelt name would be anything

    def __getattr__(name: str) -> Any:
        """Load what is asked for."""
        if name not in _MODULE_OF:
            raise AttributeError(f"module 'gatehouse' has no attribute {name!r}")
        return getattr(import_module(_MODULE_OF[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
