"""How many connections a process can hold: each is an open file,
and a server that can open no more stops to answer anybody."""

import logging
import resource

# What a process opens beside its clients' connections:
# Redis, the database, files, pipes to its children.
_RESERVE = 512

log = logging.getLogger("gatehouse.server")


def connections_possible(wanted: int) -> int:
    """Raise this process's limit on open files as far as needed and allowed;
    return how many of the connections fit.

    A line in the log says when the system's hard limit allows fewer.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + _RESERVE
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return wanted
    possible = max(soft - _RESERVE, soft // 2)
    log.warning(
        "GATEHOUSE_SERVER_CONNECTIONS: the system allows %d open files, so %d connections",
        soft,
        possible,
    )
    return possible
