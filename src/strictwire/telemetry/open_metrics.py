"""What is open now: how many requests wait, are read or answered, and what is still to be read.

Contract: ``tell`` sets the gauges to what one look found, those that nothing was found for to zero.
Nothing is counted on the way of a request.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Gauge

from strictwire.model.observer import REQUEST_STATUSES, OpenRequest


class OpenMetrics:
    """Providers are those that were seen since the start: as many as the settings have."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Gauge(
            "strictwire_open_requests",
            "Requests that are open now, by where they stand: queued, processing or done with the "
            "prompt, answering.",
            ("provider", "status"),
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._remaining = Gauge(
            "strictwire_prefill_tokens_remaining",
            "Prompt tokens of open requests that are still to be read, as far as upstreams told.",
            ("provider",),
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._providers: set[str] = set()

    def tell(self, requests: Iterable[OpenRequest]) -> None:
        open_now: Counter[tuple[str, str]] = Counter()
        remaining: Counter[str] = Counter()
        for request in requests:
            open_now[request.provider, request.status] += 1
            told = request.progressed
            if told is not None and request.status == "processing":
                remaining[request.provider] += max(0, told.total - told.processed)
            self._providers.add(request.provider)
        for provider in self._providers:
            for status in REQUEST_STATUSES:
                self._requests.labels(provider, status).set(open_now[provider, status])
            self._remaining.labels(provider).set(remaining[provider])
