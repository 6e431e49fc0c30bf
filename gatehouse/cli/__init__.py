"""The command ``gatehouse``: data on stdout, everything said to a person on stderr,
the outcome as the exit code."""
