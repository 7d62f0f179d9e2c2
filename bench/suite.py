"""The whole run: which gateway meets which case, in what order, and what becomes of the figures.

A gateway that fails is stopped, named in ``problems``, and the others go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from bench import cases, engine_soak
from bench.control import BenchError
from bench.figures import (
    CpuRound,
    Figure,
    median_cpu,
    median_rate,
    median_ratio,
    percentile,
    round_order,
)
from bench.gateways import Gateway, MakeCommand
from bench.streams import STREAMS
from bench.table import Row

DIRECT = "direct"
REFERENCE = "nginx"
STRICT = "strictwire"

# The targets, for every gateway that is not the reference.
QUIRKY_RATIO = 1.5
RATIOS = {
    "healthy": 1.3,
    "responses": 1.6,
    "messages": 1.6,
    "chat-to-responses": 2.2,
    "chat-to-messages": 2.2,
}
FIRST_TOKEN_P50_MS = 1.0
OPEN_STREAM_KB = 20.0
DISCONNECT_P99_MS = 50.0
# "Flat": a single byte kept per chunk would be 1 MB over a million of them.
GROWTH_MB = 1.0
# The engine's: half a second is what somebody waits who has just left another request.
SLOT_FREE_P99_MS = 500.0
# 25 kB for each request of the soak; what allocators keep moves by two or three.
SOAK_GROWTH_MB = 5.0

PACES = ("paced", "flat")
ONCE = ("first-token", "memory", "disconnect", "million")
ENGINE_SOAK = "engine-soak"
# Flat out there is no target, so the dialects' streams are only paced.
_FLAT_STREAMS = ("healthy", "quirky", "quirky-empty", "quirky-reasoning")
CASES = (
    *(f"{stream}-paced" for stream in STREAMS),
    *(f"{stream}-flat" for stream in _FLAT_STREAMS),
    *ONCE,
    ENGINE_SOAK,
)
_FIRST_TOKEN_STREAMS = ("healthy", "quirky")
_ENGINE_ROW = ("engine", "soak", STRICT)


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    rounds: int = 9
    seconds: float = 1.2
    streams: int = 100
    flat_streams: int = 16
    open_streams: int = 2000
    requests: int = 1000
    disconnects: int = 300
    chunks: int = 1_000_000
    only: Sequence[str] = ("*",)

    def has(self, case: str) -> bool:
        return any(fnmatchcase(case, pattern) for pattern in self.only)


@dataclass(slots=True)
class Suite:
    """Run once; then ``rows``, ``notes`` and ``problems`` say what came of it."""

    site: cases.Site
    plan: Plan
    commands: dict[str, MakeCommand]
    say: Callable[[str], None]
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    rounds: dict[str, list[CpuRound]] = field(default_factory=dict)
    _rows: dict[tuple[str, str, str], Row] = field(default_factory=dict)
    _running: dict[str, Gateway] = field(default_factory=dict)
    _failed: set[str] = field(default_factory=set)

    def run(self) -> None:
        try:
            for name in self.commands if self._has_streams() else ():
                self._start(name)
            for pace in PACES:
                for stream in STREAMS:
                    if f"{stream}-{pace}" in CASES and self.plan.has(f"{stream}-{pace}"):
                        self._relay(stream, pace)
            if self.plan.has("first-token"):
                for stream in _FIRST_TOKEN_STREAMS:
                    with self._tolerating("first token"):
                        self._first_token(stream)
            if self.plan.has("disconnect"):
                self._disconnect()
        finally:
            for name in list(self._running):
                self._stop(name)
        for name in self.commands:
            self._fresh_cases(name)
        if self.plan.has(ENGINE_SOAK) and STRICT in self.commands:
            self._soak_engine()

    def rows(self) -> list[Row]:
        """In the order of the table: by pace, then stream, then gateway; the engine at the end."""
        names = [DIRECT, *self.commands]
        keys = [(s, p, name) for p in PACES for s in STREAMS for name in names]
        keys.append(_ENGINE_ROW)
        return [self._rows[key] for key in keys if key in self._rows]

    # ---- gateways ----

    def _start(self, name: str) -> None:
        with self._tolerating(name):
            gateway = Gateway(name, self.commands[name], self.site.upstream_port).__enter__()
            self._running[name] = gateway
            for stream in STREAMS:
                is_strict = name.startswith(STRICT)
                if self._has_stream(stream):
                    cases.check(self.site, gateway, stream, is_strict=is_strict)

    def _stop(self, name: str) -> None:
        gateway = self._running.pop(name, None)
        if gateway is not None:
            gateway.__exit__()

    @contextmanager
    def _tolerating(self, name: str) -> Iterator[None]:
        """A failure of one way through does not end the run of the others."""
        try:
            yield
        except BenchError as problem:
            self.problems.append(f"{name}: {problem}")
            self.say(f"{name}: {problem}")
            self._failed.add(name)
            self.site.load.ask("close")
            self._stop(name)

    def _has_streams(self) -> bool:
        """Whether anything is measured but the engine, which is no gateway's upstream here."""
        return any(self.plan.has(case) for case in CASES if case != ENGINE_SOAK)

    def _has_stream(self, stream: str) -> bool:
        """Whether anything is measured with this stream: an older gateway need not know it."""
        is_used_once = stream in _FIRST_TOKEN_STREAMS and any(map(self.plan.has, ONCE))
        return is_used_once or any(self.plan.has(f"{stream}-{pace}") for pace in PACES)

    def _is_under_test(self, name: str) -> bool:
        return not name.startswith(REFERENCE) and name != DIRECT

    def _put(self, stream: str, pace: str, name: str, key: str, figure: Figure) -> None:
        row = self._rows.setdefault((stream, pace, name), Row(stream, pace, name))
        row.figures[key] = figure

    # ---- cases ----

    def _relay(self, stream: str, pace: str) -> None:
        """Rounds of a few seconds, gateway after gateway, and the ratios of neighbours."""
        plan = self.plan
        flat = pace == "flat"
        streams = plan.flat_streams if flat else plan.streams
        # Flat out there is no target to tell from a neighbour: fewer rounds will do.
        count = plan.rounds // 3 if flat and plan.rounds > 3 else plan.rounds
        with self._tolerating(DIRECT):
            direct = cases.cpu_round(self.site, None, stream, pace, streams, plan.seconds)
            self._put(stream, pace, DIRECT, "chunks_per_s", Figure(direct.chunks_per_s, 0))
        measured: dict[str, list[CpuRound]] = {name: [] for name in self._running}
        for number in range(count):
            self.say(f"{stream} {pace}: round {number + 1} of {count}")
            for name in round_order(list(self._running), number):
                with self._tolerating(name):
                    gateway = self._running[name]
                    measured[name].append(
                        cases.cpu_round(self.site, gateway, stream, pace, streams, plan.seconds)
                    )
        for name in self._running:
            self._put_relayed(stream, pace, name, measured)

    def _put_relayed(
        self, stream: str, pace: str, name: str, measured: dict[str, list[CpuRound]]
    ) -> None:
        rounds = measured[name]
        self.rounds[f"{stream} {pace} {name}"] = rounds
        self._put(stream, pace, name, "cpu_us_per_chunk", Figure(median_cpu(rounds), 2))
        self._put(stream, pace, name, "chunks_per_s", Figure(median_rate(rounds), 0))
        if REFERENCE in self._running:
            limit = RATIOS.get(stream, QUIRKY_RATIO)
            is_judged = pace == "paced" and self._is_under_test(name)
            ratio = median_ratio(rounds, measured[REFERENCE])
            figure = Figure(ratio, 2, limit if is_judged else None)
            self._put(stream, pace, name, "ratio_to_nginx", figure)

    def _first_token(self, stream: str) -> None:
        self.say(f"first token: {stream}")
        ports = {name: gateway.port for name, gateway in self._running.items()}
        ports = {DIRECT: self.site.upstream_port, **ports}
        taken_ms = cases.first_text_ms(self.site, ports, stream, self.plan.requests)
        base = {rank: percentile(taken_ms[DIRECT], rank) for rank in (50, 99)}
        self.notes.append(
            f"{stream}: direct, the first token takes {base[50]:.2f} ms (p50), "
            f"{base[99]:.2f} ms (p99); the table has what a gateway adds to each."
        )
        for name in self._running:
            for rank in (50, 99):
                added = percentile(taken_ms[name], rank) - base[rank]
                is_judged = rank == 50 and self._is_under_test(name)
                limit = FIRST_TOKEN_P50_MS if is_judged else None
                figure = Figure(added, 2, limit, is_strict=True)
                self._put(stream, "paced", name, f"first_token_p{rank}_ms", figure)

    def _disconnect(self) -> None:
        self.say("disconnects")
        ports = {DIRECT: self.site.upstream_port}
        ports |= {name: gateway.port for name, gateway in self._running.items()}
        for name, port in ports.items():
            with self._tolerating(name):
                taken_ms = cases.disconnect_ms(self.site, port, self.plan.disconnects)
                limit = DISCONNECT_P99_MS if self._is_under_test(name) else None
                figure = Figure(percentile(taken_ms, 99), 2, limit, is_strict=True)
                self._put("healthy", "paced", name, "disconnect_p99_ms", figure)

    def _fresh_cases(self, name: str) -> None:
        """Memory cases get a process each: freed memory of an earlier case would hide growth."""
        is_judged = self._is_under_test(name)
        if self.plan.has("memory") and name not in self._failed:
            self.say(f"memory: {name}, {self.plan.open_streams} open streams")
            with self._tolerating(name), self._fresh(name) as gateway:
                size = cases.bytes_per_stream(self.site, gateway, self.plan.open_streams)
                limit = OPEN_STREAM_KB if is_judged else None
                figure = Figure(size / 1000, 1, limit, is_strict=True)
                self._put("healthy", "paced", name, "kb_per_stream", figure)
        if self.plan.has("million") and name not in self._failed:
            self.say(f"one long stream: {name}, {self.plan.chunks} chunks")
            with self._tolerating(name), self._fresh(name) as gateway:
                growth = cases.million_growth_bytes(self.site, gateway, self.plan.chunks)
                limit = GROWTH_MB if is_judged else None
                figure = Figure(growth / 1e6, 2, limit, is_strict=True)
                self._put("healthy", "flat", name, "growth_mb", figure)

    def _soak_engine(self) -> None:
        self.say(f"the engine: {engine_soak.REQUESTS} requests, most of them left")
        gateway = Gateway(STRICT, engine_soak.serve_engine, self.site.upstream_port)
        with self._tolerating("engine"), gateway:
            soaked = engine_soak.soak(gateway)
            free_ms = percentile([taken_s * 1000 for taken_s in soaked.slot_free_s], 99)
            figures = {
                "slot_free_p99_ms": Figure(free_ms, 0, SLOT_FREE_P99_MS),
                "descriptors_left": Figure(soaked.grown_descriptors, 0, 0),
                "soak_growth_mb": Figure(soaked.grown_bytes / 1e6, 1, SOAK_GROWTH_MB),
            }
            for key, figure in figures.items():
                self._put(*_ENGINE_ROW, key, figure)
            told = ", ".join(f"{soaked.left[where]} {where}" for where in engine_soak.WHERE)
            self.notes.append(f"engine: where its requests were when they were left: {told}.")

    def _fresh(self, name: str) -> Gateway:
        return Gateway(name, self.commands[name], self.site.upstream_port)
