"""The only place that builds a Redis client, and the seam that its errors stop at.

``build``: a client for a URL. ``client``: connections with time-outs, to a primary only.
``pool``: a packet out and its replies back. ``role``, ``replies``: what they mean.
``beside``: is Redis of this machine? ``gateway``: the seam itself.
``trial``: what is wrong with a URL, asked once at start.
"""

from shared.redis.build import build_client
from shared.redis.client import RedisClient, Script
from shared.redis.gateway import RedisGateway, scan

__all__ = ["RedisClient", "RedisGateway", "Script", "build_client", "scan"]
