"""Prometheus metrics of a gateway, whole over all its worker processes.

Contract: an ``Observer``. Counting happens when a reply begins and when it is over, never per
chunk. With several workers the counts live in files of one folder (prometheus-client's
multiprocess mode), and any worker's ``/metrics`` tells the sum.
"""

from __future__ import annotations

import os
from pathlib import Path

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
    multiprocess,
)

from strictwire.model.observer import ReplyRecord

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"

# From a cached prompt on a fast server to minutes of prefill on a laptop.
_FIRST_TOKEN_BUCKETS_S = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)


class Metrics:
    """One process's counters, and the page that tells all processes' sum."""

    def __init__(self) -> None:
        # A timestamp beside each counter doubles the page, and nobody here asks for it.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        labels = ("route", "provider")
        self._requests = Counter(
            "strictwire_requests_total",
            "Requests that are over, by status and outcome.",
            (*labels, "status", "outcome"),
            registry=self._registry,
        )
        self._open = Gauge(
            "strictwire_open_streams",
            "Streams that are being answered now.",
            ("provider",),
            multiprocess_mode="livesum",
            registry=self._registry,
        )
        self._first_token = Histogram(
            "strictwire_first_token_seconds",
            "Seconds from a request to the first meaningful part of its reply.",
            labels,
            buckets=_FIRST_TOKEN_BUCKETS_S,
            registry=self._registry,
        )
        self._chunks = Counter(
            "strictwire_chunks_total",
            "Chunks sent to clients; a whole object counts as one.",
            labels,
            registry=self._registry,
        )
        self._bytes = Counter(
            "strictwire_reply_bytes_total",
            "Bytes of replies sent to clients, without HTTP framing.",
            labels,
            registry=self._registry,
        )
        self._repairs = Counter(
            "strictwire_repairs_total",
            "Replies in which a rule repaired something; each rule once per reply.",
            ("rule", "provider"),
            registry=self._registry,
        )

    def stream_opened(self, provider: str) -> None:
        self._open.labels(provider).inc()

    def stream_closed(self, provider: str) -> None:
        self._open.labels(provider).dec()

    def replied(self, record: ReplyRecord) -> None:
        where = (record.route, record.provider)
        self._requests.labels(*where, str(record.status), record.outcome).inc()
        if record.first_token_s is not None:
            self._first_token.labels(*where).observe(record.first_token_s)
        if record.frames:
            self._chunks.labels(*where).inc(record.frames)
        if record.body_bytes:
            self._bytes.labels(*where).inc(record.body_bytes)
        for rule in record.repairs:
            self._repairs.labels(rule, record.provider).inc()

    def page(self) -> tuple[str, bytes]:
        """The content type and the text, summed over all live and ended workers."""
        registry = self._registry
        if FOLDER_VARIABLE in os.environ:
            forget_dead_workers(Path(os.environ[FOLDER_VARIABLE]))
            registry = CollectorRegistry()
            multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return CONTENT_TYPE_LATEST, generate_latest(registry)


def forget_dead_workers(folder: Path) -> None:
    """A worker that was killed cannot take back its open streams: its gauges go with it."""
    for file in folder.glob("gauge_live*_*.db"):
        pid = file.stem.rpartition("_")[2]
        if pid.isdigit() and not _is_alive(int(pid)):
            multiprocess.mark_process_dead(int(pid))  # type: ignore[no-untyped-call]


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
