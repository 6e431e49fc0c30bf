"""Attacks on accounts: log-in, passwords, second factors, mail."""
