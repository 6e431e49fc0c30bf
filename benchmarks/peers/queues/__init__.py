"""Queues that run no-op jobs."""
