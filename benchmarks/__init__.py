"""Measurements that a reader can repeat. Nothing here is part of the service."""
