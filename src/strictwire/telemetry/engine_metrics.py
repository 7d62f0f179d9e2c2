"""What goes on in the embedded engines, as metrics: their places, their lines, their restarts.

Contract: a collector of prometheus-client, for ``Metrics.add``. ``look`` is asked each time the
page is, and gives one status for each engine; nothing is kept between two pages. It tells of this
process, which is the only one that a gateway with an engine has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import get_args

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from strictwire.engine.plan import EngineState, EngineStatus

_STATES: tuple[EngineState, ...] = get_args(EngineState)
_LABELS = ("provider",)


class EngineMetrics(Collector):
    def __init__(self, look: Callable[[], Iterable[EngineStatus]]) -> None:
        self._look = look

    def collect(self) -> Iterator[Metric]:
        places = GaugeMetricFamily(
            "strictwire_engine_places", "Requests that the engine answers at once.", labels=_LABELS
        )
        busy = GaugeMetricFamily(
            "strictwire_engine_busy_places", "Places that are taken now.", labels=_LABELS
        )
        waiting = GaugeMetricFamily(
            "strictwire_engine_waiting_requests", "Requests that wait in line.", labels=_LABELS
        )
        restarts = CounterMetricFamily(
            "strictwire_engine_restarts",
            "How often the engine's process was started again.",
            labels=_LABELS,
        )
        state = GaugeMetricFamily(
            "strictwire_engine_state",
            "1 for the state that the engine is in, 0 for all others.",
            labels=("provider", "state"),
        )
        for status in self._look():
            where = (status.name,)
            places.add_metric(where, status.places)
            busy.add_metric(where, status.busy)
            waiting.add_metric(where, status.waiting)
            restarts.add_metric(where, status.restarts)
            for name in _STATES:
                state.add_metric((status.name, name), float(status.state == name))
        yield from (places, busy, waiting, restarts, state)

    def describe(self) -> Iterator[Metric]:
        """What a registry wants to know of a collector's names, without asking the engines."""
        return iter(())
