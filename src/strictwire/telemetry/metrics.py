"""Prometheus metrics of a gateway, whole over all its worker processes.

Contract: an ``Observer``. Counting happens when a reply begins and when it is over, never per
chunk; what is open is looked at when somebody asks for the page. With several workers the counts
live in files of one folder (prometheus-client's multiprocess mode), and any worker's ``/metrics``
tells the sum; each then looks at its own open requests every ``LOOK_INTERVAL_S``, since it is not
the one that is asked.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
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
from prometheus_client.registry import Collector

from strictwire.model.observer import OpenRequest, ReplyRecord
from strictwire.telemetry.open_metrics import OpenMetrics

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"

# From a cached prompt on a fast server to minutes of prefill on a laptop.
_FIRST_TOKEN_BUCKETS_S = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)


# How old another worker's open requests may be on the page: less than anybody scrapes in, and a
# look costs microseconds.
LOOK_INTERVAL_S = 2.0


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
        self._prompt_tokens = Counter(
            "strictwire_prompt_tokens_total",
            "Prompt tokens as upstreams told them: read, or found ready in a cache.",
            ("provider", "kind"),
            registry=self._registry,
        )
        self._open_now = OpenMetrics(self._registry)
        self._look: Callable[[], Iterable[OpenRequest]] = tuple

    def watch(
        self,
        look: Callable[[], Iterable[OpenRequest]],
        *,
        interval_s: float = LOOK_INTERVAL_S,
    ) -> None:
        """Tell of the requests that ``look`` finds open. Called once, inside the event loop."""
        self._look = look
        if FOLDER_VARIABLE in os.environ:
            self._keep_looking(asyncio.get_running_loop(), interval_s)

    def _keep_looking(self, loop: asyncio.AbstractEventLoop, interval_s: float) -> None:
        loop.call_later(interval_s, self._keep_looking, loop, interval_s)
        self._open_now.tell(self._look())

    def add(self, collector: Collector) -> None:
        """Metrics of somebody else, asked when the page is. Only of a gateway of one process: what
        a collector tells stands in no file."""
        self._registry.register(collector)

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
        if record.cached_tokens:
            self._prompt_tokens.labels(record.provider, "cached").inc(record.cached_tokens)
        if record.read_tokens:
            self._prompt_tokens.labels(record.provider, "read").inc(record.read_tokens)
        for rule in record.repairs:
            self._repairs.labels(rule, record.provider).inc()

    def page(self) -> tuple[str, bytes]:
        """The content type and the text, summed over all live and ended workers."""
        self._open_now.tell(self._look())
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
