"""Prefill progress for a client that asked for it.

Contract: ``batch`` and ``tick`` return the bytes to send now. ``fraction`` counts the uncached
tokens and never goes back; ``done`` is said once, at 100 %; after ``stop`` there is nothing.
``queued`` is said while the upstream has not begun to answer at all, and never again afterwards.
Counts are an engine's own, always those of one of its reports: nothing is added up or guessed. The
elapsed time is a parameter: nothing here keeps time. Source: docs/contract.md, "Prefill progress".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from strictwire.model.events import Progressed
from strictwire.model.request import Carrier
from strictwire.wire.sse import format_comment, format_frame

EVENT_NAME = "prefill_progress"

Status = Literal["queued", "processing", "done"]
# Puts a report into a complete chunk of the client's dialect.
InChunk = Callable[[dict[str, Any]], dict[str, Any]]

# What every reader of JSON keeps exactly, and more than any prompt has. A server may send a number
# of a thousand digits, with which nobody can reckon.
_MAX_COUNT = 2**53
# What is left of a prompt of 30,000 tokens may round to nothing, and is not nothing.
_ALMOST = 0.9999

_encode = msgspec.json.encode


def furthest(before: Progressed | None, told: Progressed) -> Progressed | None:
    """The report that holds after ``told`` came: the new one, unless it says nothing or is behind
    the one before in its fraction or its count.

    A request with several prompts has reports of each, with totals of their own and in turn. What
    is told then is the one that is furthest, as it came: a mix of two would be nobody's counts.
    """
    counts = (told.total, told.cached, told.processed)
    if told.total <= 0 or max(counts) > _MAX_COUNT or min(counts) < -_MAX_COUNT:
        return before
    if before is not None and (
        told.fraction < before.fraction or told.processed < before.processed
    ):
        return before
    # Without its source: an open stream would hold the chunk, and the bytes it came in.
    return Progressed(*counts)


def shown_fraction(told: Progressed | None) -> float | None:
    """The fraction as it is told: four digits, and 1.0 only where all is read."""
    if told is None:
        return None
    fraction = told.fraction
    return min(round(fraction, 4), _ALMOST) if fraction < 1.0 else fraction


@dataclass(frozen=True, slots=True)
class _Report:
    """What is known now; ``told`` is None where the upstream told nothing, ``place`` in its line is
    0 where nobody knows."""

    status: Status
    elapsed_s: float
    told: Progressed | None
    place: int = 0

    @property
    def fraction(self) -> float | None:
        return shown_fraction(self.told)


class ProgressTeller:
    """``in_chunk`` is needed for the carrier "chunk" only."""

    __slots__ = ("_has_begun", "_is_done", "_is_stopped", "_last", "_write")

    def __init__(self, carrier: Carrier, in_chunk: InChunk) -> None:
        self._write = _writer_of(carrier, in_chunk)
        self._last: Progressed | None = None
        self._has_begun = False
        self._is_done = False
        self._is_stopped = False

    def batch(self, told: Progressed, elapsed_s: float) -> bytes:
        """The engine reported a batch. llama.cpp repeats the counts of a prompt that stands still
        for each batch of the others: that is nothing new, and goes on with the time alone."""
        last = furthest(self._last, told)
        if self._is_stopped or self._is_done or last is None or last == self._last:
            return b""
        self._last = last
        self._has_begun = True
        self._is_done = last.fraction >= 1.0
        return self._say("done" if self._is_done else "processing", elapsed_s)

    def tick(self, elapsed_s: float, *, is_queued: bool, place: int = 0) -> bytes:
        """Time went on and nothing else is known. ``is_queued``: the upstream has not answered;
        ``place`` in its line, 0 where nobody knows."""
        if self._is_stopped or self._is_done:
            return b""
        self._has_begun = self._has_begun or not is_queued
        if self._has_begun:
            return self._say("processing", elapsed_s)
        return self._say("queued", elapsed_s, place)

    def stop(self) -> None:
        """The first token came, or the reply ended."""
        self._is_stopped = True

    def _say(self, status: Status, elapsed_s: float, place: int = 0) -> bytes:
        return self._write(_Report(status, elapsed_s, self._last, place))


def _writer_of(carrier: Carrier, in_chunk: InChunk) -> Callable[[_Report], bytes]:
    if carrier == "chunk":
        return lambda report: format_frame(_encode(in_chunk(_as_llamacpp(report))))
    if carrier == "comment":
        return lambda report: format_comment(f"{EVENT_NAME} {_as_event(report).decode()}")
    return lambda report: format_frame(_as_event(report), EVENT_NAME)


def _as_event(report: _Report) -> bytes:
    told = report.told
    value: dict[str, Any] = {
        "status": report.status,
        "n_past": told and told.processed,
        "n_prompt_tokens": told and told.total,
        "fraction": report.fraction,
        "elapsed_seconds": int(report.elapsed_s),
    }
    if report.place:
        value["place"] = report.place
    return _encode(value)


def _as_llamacpp(report: _Report) -> dict[str, Any]:
    """The names of llama.cpp's ``prompt_progress`` (tools/server, "return_progress"), which has no
    word for a place in line: its clients know these four fields and may not expect a fifth."""
    told = report.told
    return {
        "total": told and told.total,
        "cache": told and told.cached,
        "processed": told and told.processed,
        "time_ms": int(report.elapsed_s * 1000),
    }
