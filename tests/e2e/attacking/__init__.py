"""Requests that wait: streams and long-polls of the whole service."""
