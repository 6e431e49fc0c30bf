"""Repeat rows of the database in Redis, where the API's gate reads them:
what people and keys have in common.

``versions``: the newest row wins, whichever process is the slowest. ``databases``, ``tables``:
where rows are written, and which models share a table. ``people``: the rows of the user model.
``rebuild``, ``reconciler``, ``background``: all of it again, beside the requests.
Knows neither principals nor keys: they register here.
"""
