"""Requests, counted as they are answered: by endpoint, never by path,
so that no stranger can make a new series."""

import time
from functools import cache

from flask import Flask, Response
from prometheus_client import CollectorRegistry, Counter, Histogram

from flask_api.gate.credentials import SAFE_METHODS
from flask_api.gate.state import this_memory, this_request
from flask_api.http.wait import ParkedResponse

_METHODS = SAFE_METHODS | {"POST", "PUT", "PATCH", "DELETE"}
_OTHER = "other"
_BEGUN = "gatehouse.begun"
_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30)


class RequestMetrics:
    """Counts the requests of one application. Thread-safe.
    A few microseconds per request, and no I/O."""

    def __init__(self, app: Flask, registry: CollectorRegistry) -> None:
        self._answers = Counter(
            "gatehouse_http_requests",
            "Answers by endpoint (none: no such path), method and class of status.",
            ("endpoint", "method", "status"),
            registry=registry,
        )
        self._durations = Histogram(
            "gatehouse_http_request_duration_seconds",
            "Time until the answer began, waits that were asked for included.",
            ("endpoint",),
            buckets=_BUCKETS_S,
            registry=registry,
        )
        self._refusals = Counter(
            "gatehouse_gate_refusals",
            "Requests that the gate refused, by the reason that the client was told.",
            ("reason",),
            registry=registry,
        )
        # Finding a series by its labels takes longer than counting; these are as few as the series.
        self._series_of = cache(self._find_series)
        app.before_request(self._begin)
        app.after_request(self._end)

    def _find_series(
        self, endpoint: str, method: str, status_class: int
    ) -> tuple[Counter, Histogram]:
        return self._answers.labels(endpoint, method, f"{status_class}xx"), self._durations.labels(
            endpoint
        )

    def _begin(self) -> None:
        # in the environ, which a request that waits keeps: it runs twice, and is counted once
        this_request().environ.setdefault(_BEGUN, time.perf_counter())

    def _end(self, response: Response) -> Response:
        if isinstance(response, ParkedResponse):
            return response
        sent = this_request()
        endpoint = sent.endpoint or "none"
        method = sent.method if sent.method in _METHODS else _OTHER
        answers, durations = self._series_of(endpoint, method, response.status_code // 100)
        answers.inc()
        durations.observe(time.perf_counter() - sent.environ[_BEGUN])
        refusal: str | None = this_memory().get("gatehouse_refusal")
        if refusal is not None:
            self._refusals.labels(refusal).inc()
        return response
