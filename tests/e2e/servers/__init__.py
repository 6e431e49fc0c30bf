"""The contract of an HTTP server of ours: each test here runs under CherryPy and under gunicorn.

Where a request ends, what is refused and how, and that slow clients keep nobody waiting. Whoever
adds a server to ``COMMANDS`` (tests/e2e/service.py) has to pass all of it.
"""
