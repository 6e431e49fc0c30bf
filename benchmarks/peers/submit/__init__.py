"""Servers that accept a job for who is logged in."""
