"""Mounted under prefixes, by other servers, behind proxies."""
