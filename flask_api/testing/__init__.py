"""The test kit for who writes tasks and gated services. Everything in it is real:
Redis, entries, gate, engine.

run_inline        a task in this thread, its arguments checked as the API checks them
FakeClock         stands still until it is moved
private_settings  settings that lead to a Valkey of the test's own
logged_in         a Flask test client that somebody is logged in with
with_key          the same with an API key
running_api       the API with its job engine, for tasks as jobs
People            what the two clients are made with: people, sessions and keys as Django
                  publishes them
"""

from flask_api.jobs.tasks.inline import InlineReporter, run_inline
from flask_api.testing.api import running_api
from flask_api.testing.clients import key_client, logged_in, session_client, with_key
from flask_api.testing.clock import FakeClock
from flask_api.testing.people import People, new_principal
from flask_api.testing.valkey import private_settings

__all__ = [
    "FakeClock",
    "InlineReporter",
    "People",
    "key_client",
    "logged_in",
    "new_principal",
    "private_settings",
    "run_inline",
    "running_api",
    "session_client",
    "with_key",
]
