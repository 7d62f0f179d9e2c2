"""Prefill progress in each of its carriers: its fields, and that it only goes forward. So does a
place in line, which is told while the request waits in one.

Source: docs/contract.md, "Prefill progress".
"""

from __future__ import annotations

from typing import Any

from strictwire.conformance.finding import Findings
from strictwire.conformance.json_text import JsonText
from strictwire.conformance.usage import is_whole_number

EVENT_NAME = b"prefill_progress"
COMMENT_START = b"prefill_progress "
_KEYS = frozenset(("status", "n_past", "n_prompt_tokens", "fraction", "elapsed_seconds"))
_STEPS = ("queued", "processing", "done")
_CHUNK_KEYS = frozenset(("total", "cache", "processed", "time_ms"))


class ProgressJudge:
    """Follows the reports of one reply."""

    __slots__ = ("_found", "_fraction", "_place", "_step", "is_over")

    def __init__(self, found: Findings) -> None:
        self._found = found
        self._fraction = 0.0
        self._place: int | None = None  # that was told last
        self._step = 0
        self.is_over = False  # the reply has begun, so nothing more may be reported

    def report(self, text: JsonText) -> None:
        """A named event's data, or a comment's."""
        value = text.value
        if not isinstance(value, dict) or value.keys() - {"place"} != _KEYS:
            self._found.add("progress.shape", text.start)
            return
        if value["status"] not in _STEPS or not _is_place(value):
            self._found.add("progress.shape", text.start)
            return
        fraction = value["fraction"]
        counts = (value["n_past"], value["n_prompt_tokens"])
        is_well = (
            all(count is None or is_whole_number(count) for count in counts)
            and is_whole_number(value["elapsed_seconds"])
            and (fraction is None or _is_fraction(fraction))
        )
        if not is_well:
            self._found.add("progress.shape", text.start)
            return
        self._advance(_STEPS.index(value["status"]), fraction, text, value.get("place"))

    def in_chunk(self, progress: Any, text: JsonText) -> None:
        """``prompt_progress`` of a chunk, in llama.cpp's words."""
        is_well = isinstance(progress, dict) and progress.keys() <= _CHUNK_KEYS
        counts = [progress.get(n) for n in ("total", "cache", "processed")] if is_well else [-1]
        if not all(count is None or is_whole_number(count) for count in counts):
            self._found.add("progress.shape", text.at("prompt_progress"))
            return
        total, cached, processed = counts
        fraction = None
        if None not in counts:
            uncached = total - cached
            fraction = (processed - cached) / uncached if uncached > 0 else 1.0
        is_done = fraction is not None and fraction >= 1.0
        self._advance(2 if is_done else 1, fraction, text)

    def _advance(
        self, step: int, fraction: float | None, text: JsonText, place: int | None = None
    ) -> None:
        is_back = step < self._step or (fraction is not None and fraction < self._fraction)
        if place is not None:
            is_back = is_back or (self._place is not None and place > self._place)
            self._place = place
        if is_back or self.is_over or self._step == _STEPS.index("done"):
            self._found.add("progress.order", text.start)
        self._step = max(step, self._step)
        self._fraction = max(fraction or 0.0, self._fraction)


def _is_place(value: dict[str, Any]) -> bool:
    """Whether a place is one, where it is told: 1 is the next, and only who waits has one."""
    if "place" not in value:
        return True
    place = value["place"]
    return value["status"] == "queued" and is_whole_number(place) and place >= 1


def _is_fraction(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
