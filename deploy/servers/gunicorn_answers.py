"""One request's answer under gunicorn's threaded worker: what gthread does in one go,
in as many as the application pauses (shared.http.parking)."""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from gunicorn import util
from gunicorn.http import wsgi

from deploy.servers.parking import can_park
from shared.http.parking import PARKING, Pause


class GunicornAnswer:
    """The answer to one request. For one thread at a time."""

    def __init__(self, worker: Any, req: Any, conn: Any) -> None:
        self._worker = worker
        self.req = req
        self._conn = conn
        self._begun = time.monotonic()
        self._answer: Any = None
        self._pieces: Iterator[bytes | Pause]
        worker.cfg.pre_request(worker, req)
        self._resp, self._environ = wsgi.create(
            req, conn.sock, conn.client, conn.server, worker.cfg
        )
        self._environ["wsgi.multithread"] = True
        self._environ[PARKING] = can_park() and not worker.cfg.is_ssl
        if (
            not worker.counts_another()
            or not worker.cfg.keepalive
            or len(worker.keepalived_conns) >= worker.max_keepalived
        ):
            self._resp.force_close()

    @property
    def is_chunked(self) -> bool:
        """Tell whether its body is sent in chunks."""
        return bool(self._resp.chunked)

    @property
    def is_last(self) -> bool:
        """Tell whether the connection is to be closed after it."""
        return bool(self._resp.should_close())

    def go_on(self) -> Pause | None:
        """Send what the application has to say; return its pause, or None at the end.
        Raises OSError, and StopIteration when an error came after the head was sent."""
        try:
            pause = self._send()
        except OSError:
            self.close()
            raise
        except (Exception, SystemExit):
            self.close()
            if not self._resp.headers_sent:
                raise
            # an error page would be taken for more of the answer
            self._worker.log.exception("Error handling request")
            util.close_graceful(self._conn.sock)
            raise StopIteration from None
        if pause is None:
            self.close()
        return pause

    def close(self) -> None:
        """Close the application's iterable and log the request. Idempotent."""
        answer, self._answer = self._answer, ()
        if answer == ():
            return
        if answer is not None:
            took = timedelta(seconds=time.monotonic() - self._begun)
            self._worker.log.access(self._resp, self.req, self._environ, took)
        if hasattr(answer, "close"):
            answer.close()
        try:
            self._worker.cfg.post_request(self._worker, self.req, self._environ, self._resp)
        except Exception:
            self._worker.log.exception("Exception in post_request hook")

    def _send(self) -> Pause | None:
        if self._answer is None:
            self._answer = self._worker.wsgi(self._environ, self._resp.start_response)
            if isinstance(self._answer, self._environ["wsgi.file_wrapper"]):
                self._resp.write_file(self._answer)
                self._pieces = iter(())
            else:
                self._pieces = iter(self._answer)
        for piece in self._pieces:
            if isinstance(piece, Pause):
                return piece
            self._resp.write(piece)
        self._resp.close()
        return None
