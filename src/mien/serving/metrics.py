"""`Metrics`: what `GET /metrics` tells Prometheus; numbers alone, nothing of a picture."""

from collections.abc import Callable
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """Counts requests by path and status, and measures how long they took."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)  # memory, processor time, open files
        self._requests = Counter("mien_requests", "Requests answered", ["path", "status"], registry=self._registry)
        self._seconds = Histogram(
            "mien_request_seconds", "From head to answer", ["path"], buckets=SECONDS, registry=self._registry
        )
        self._waiting = Gauge("mien_waiting", "Requests that wait for a thread", registry=self._registry)

    def show_waiting(self, waiting: Callable[[], int]) -> None:
        """Say where the number of those that wait comes from."""
        self._waiting.set_function(waiting)

    def count(self, path: str, status: int, seconds: float) -> None:
        """Count an answer."""
        counter, histogram = self._of(path, status)
        counter.inc()
        histogram.observe(seconds)

    @cache  # noqa: B019 - as many as there are paths and statuses; looking labels up takes longer than counting
    def _of(self, path: str, status: int) -> tuple[Counter, Histogram]:
        return self._requests.labels(path, str(status)), self._seconds.labels(path)

    def text(self) -> bytes:
        """Return all of it in Prometheus's text format."""
        return generate_latest(self._registry)
