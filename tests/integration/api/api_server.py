"""The API behind the real CherryPy server, in this process:
what streams need that a test client can't give."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from deploy.servers.cherrypy import build_server
from flask_api.app import release_waiters
from flask_api.gate.state import gate_state
from shared.settings import ServerSettings, load_settings
from tests.ports import free_port


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """Serve the API at its prefix; yield the address."""
    settings = load_settings(ServerSettings).model_copy(update={"port": free_port()})
    mounted = DispatcherMiddleware(NotFound(), {gate_state(app).settings.api_prefix: app})
    server = build_server(mounted, settings)
    server.prepare()
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{settings.port}"
    finally:
        release_waiters(app)
        server.stop()
        thread.join()


def event_readers() -> list[threading.Thread]:
    """Return the threads of this process that read events for its streams."""
    return [thread for thread in threading.enumerate() if thread.name == "gatehouse-events"]
