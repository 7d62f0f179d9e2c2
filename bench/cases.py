"""The single measurements: one gateway (or the direct way), one case, raw figures out.

Each leaves the site as it found it: no stream open at the upstream. What cannot be measured
raises ``BenchError``.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from bench.control import BenchError, Worker
from bench.figures import CpuRound
from bench.gateways import CHAT_ONLY, Gateway
from bench.streams import STREAMS, Dialect, Script

# Opening the streams is not what is measured: the first chunks of each are left out.
SETTLE_S = 0.4
_IDLE_TIMEOUT_S = 5.0
_IDLE_POLL_S = 0.01
_CHECKED_TEXTS = 150  # over two cycles of every stream
_WARM_UP_REQUESTS = 50
# Enough chunks for a gateway to have learned all that it learns about a stream.
_HELD_TEXTS = 8
_MEMORY_WARM_UP_STREAMS = 20
_CLOSE_GAP_S = 0.004
_MILLION_POLL_S = 0.05
_MILLION_TIMEOUT_S = 45.0
_COUNTED_SHARE = 0.998  # some marks are cut by HTTP's framing and go uncounted
_NS_PER_MS = 1_000_000


@dataclass(slots=True)
class Site:
    """The upstream and the load, both running."""

    upstream: Worker
    load: Worker
    upstream_port: int

    def wait_until_idle(self) -> None:
        """Until the upstream has no open stream: the gateway has passed every disconnect on."""
        self.wait_for_open(0, "an upstream stream stays open after its client left")

    def wait_for_open(self, count: int, otherwise: str) -> None:
        deadline_s = time.monotonic() + _IDLE_TIMEOUT_S
        while self.upstream.ask("state")["open"] != count:
            if time.monotonic() > deadline_s:
                raise BenchError(otherwise)
            time.sleep(_IDLE_POLL_S)

    def drop_streams(self) -> None:
        self.load.ask("close")
        self.wait_until_idle()


def _models(stream: str, pace: str, count: int, texts: int = 0, prefix: str = "") -> list[str]:
    return [Script(stream, pace, texts, f"{prefix}{n}").model() for n in range(count)]


def _asked(gateway: Gateway | None, stream: str, models: list[str]) -> dict[str, Any]:
    """How this gateway is asked for a stream: only one that translates is asked in another
    dialect than its upstream's, and told by the model's name which provider has no other."""
    played = STREAMS[stream]
    dialect: Dialect = played.upstream
    if gateway is not None and gateway.translates:
        dialect = played.client
        if played.client != played.upstream:
            models = [f"{CHAT_ONLY}/{model}" for model in models]
    return {"models": models, "dialect": dialect}


def check(site: Site, gateway: Gateway, stream: str, *, is_strict: bool) -> None:
    """One whole reply brings every text once and, where it is to be strict, one end marker."""
    asked = _asked(gateway, stream, [Script(stream, "whole", _CHECKED_TEXTS).model()])
    told = site.load.ask(
        "whole", port=gateway.port, model=asked["models"][0], dialect=asked["dialect"]
    )
    if told["texts"] != _CHECKED_TEXTS:
        raise BenchError(f"{told['texts']} of {_CHECKED_TEXTS} texts came through on {stream}")
    if is_strict and told["done"] != 1:
        raise BenchError(f"{told['done']} end markers instead of one on {stream}")


def cpu_round(
    site: Site, gateway: Gateway | None, stream: str, pace: str, streams: int, seconds: float
) -> CpuRound:
    """CPU time per relayed chunk while so many streams flow; without a gateway the rate alone."""
    port = gateway.port if gateway else site.upstream_port
    asked = _asked(gateway, stream, _models(stream, pace, streams))
    site.load.ask("open", port=port, wait_for_text=True, **asked)
    site.upstream.ask("release")
    time.sleep(SETTLE_S)
    cpu_before_s = gateway.cpu_s() if gateway else 0.0
    before = site.load.ask("count")
    time.sleep(seconds)
    cpu_after_s = gateway.cpu_s() if gateway else 0.0
    after = site.load.ask("count")
    site.drop_streams()
    if after["ended"]:
        raise BenchError(f"{after['ended']} of {streams} {stream} streams ended too early")
    # A gateway may drop the empty chunks of a stream, but it has relayed them all the same.
    chunks = (after["texts"] - before["texts"]) * STREAMS[stream].pieces_per_text
    if not chunks:
        raise BenchError(f"nothing arrived on {stream} {pace}")
    elapsed_s = (after["at_ns"] - before["at_ns"]) / 1e9
    return CpuRound((cpu_after_s - cpu_before_s) * 1e6 / chunks, chunks / elapsed_s)


def first_text_ms(
    site: Site, ports: dict[str, int], stream: str, requests: int
) -> dict[str, list[float]]:
    """Milliseconds from a request to its first text, by name; the ports take turns."""
    model = Script(stream, "whole", 3).model()
    asked = requests + _WARM_UP_REQUESTS
    told = site.load.ask("first_texts", ports=ports, model=model, requests=asked)
    return {
        name: [taken / _NS_PER_MS for taken in times_ns[_WARM_UP_REQUESTS:]]
        for name, times_ns in told["times_ns"].items()
    }


def bytes_per_stream(site: Site, gateway: Gateway, streams: int) -> float:
    """Resident bytes per stream that is open and has begun. Wants a fresh gateway."""
    for number, count in enumerate((_MEMORY_WARM_UP_STREAMS, streams)):
        before_bytes = gateway.resident_bytes()
        models = _models("healthy", "hold", count, _HELD_TEXTS, prefix=f"m{number}x")
        site.load.ask("open", port=gateway.port, models=models, wait_for_text=True)
        time.sleep(SETTLE_S)
        after_bytes = gateway.resident_bytes()
        site.drop_streams()
    return (after_bytes - before_bytes) / streams


def disconnect_ms(site: Site, port: int, count: int) -> list[float]:
    """Milliseconds from a client's close to the upstream's seeing it.

    Half of the streams flow, half have not even got a status yet. All others go on meanwhile.
    """
    site.upstream.ask("lost")
    for pace in ("paced", "silent"):
        models = _models("healthy", pace, count // 2, prefix=pace)
        site.load.ask("open", port=port, models=models, wait_for_text=pace == "paced")
    site.wait_for_open(count // 2 * 2, "some requests never reached the upstream")
    closed_ns = site.load.ask("close_each", gap_s=_CLOSE_GAP_S)["closed_ns"]
    site.wait_until_idle()
    lost_ns = site.upstream.ask("lost")["lost_ns"]
    return [(lost_ns[mark] - at_ns) / _NS_PER_MS for mark, at_ns in closed_ns.items()]


def million_growth_bytes(site: Site, gateway: Gateway, chunks: int) -> int:
    """Resident bytes at the end of one long stream less those at its tenth."""
    model = Script("healthy", "flat", chunks).model()
    site.load.ask("open", port=gateway.port, models=[model], wait_for_text=True)
    deadline_s = time.monotonic() + _MILLION_TIMEOUT_S
    tenth_bytes = None
    while not (seen := site.load.ask("count"))["ended"]:
        if tenth_bytes is None and seen["texts"] >= chunks / 10:
            tenth_bytes = gateway.resident_bytes()
        if time.monotonic() > deadline_s:
            raise BenchError(f"only {seen['texts']} chunks in {_MILLION_TIMEOUT_S:g} s")
        time.sleep(_MILLION_POLL_S)
    if seen["texts"] < chunks * _COUNTED_SHARE:
        raise BenchError(f"only {seen['texts']} of {chunks} chunks came through")
    end_bytes = gateway.resident_bytes()
    site.drop_streams()
    if tenth_bytes is None:
        raise BenchError("the stream was over before its tenth was seen; ask for more chunks")
    return end_bytes - tenth_bytes
