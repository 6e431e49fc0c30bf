"""The only place that builds a Redis client, and the seam that its errors stop at.

``client``: connections with time-outs, to a primary only. ``replies``: what each error reply means.
``store``: the seam itself. ``trial``: what is wrong with a URL, asked once at start.
"""

from shared.redis.client import Client, Script, build_client
from shared.redis.store import Store, scan

__all__ = ["Client", "Script", "Store", "build_client", "scan"]
