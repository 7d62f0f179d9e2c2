"""The wait before the first token of a response: told as llama.cpp tells it, or silent.

Progress is asked for by ``return_progress``, as in chat, and stands in ``response.in_progress``
events that come again and again.
"""

from __future__ import annotations

from dataclasses import replace

from strictwire.lab.ask import Ask
from strictwire.lab.scenarios.answer import Answer
from strictwire.lab.scenarios.prefill import BATCHES, progress_counts
from strictwire.lab.scenarios.responses.changes import row
from strictwire.lab.scenarios.responses.strict import (
    DONE,
    event_frame,
    numbered,
    strict_events,
    strict_response,
    strict_response_stream,
)
from strictwire.lab.script import Reply, Silence


def _progress(answer: Answer, ask: Ask) -> Reply:
    told = strict_response_stream(answer, ask)
    if not ask.wants_progress:
        return replace(told, delay_beats=BATCHES)
    created, begun, *rest = strict_events(answer, ask)
    waits = [{**begun, "prompt_progress": count} for count in progress_counts()]
    frames = list(map(event_frame, numbered([created, *waits, *rest])))
    pieces: list[bytes | Silence] = [frames[0]]
    for frame in frames[1 : len(waits) + 1]:
        pieces += (frame, Silence(1))
    return replace(told, pieces=(*pieces, *frames[len(waits) + 1 :], DONE))


def _silent(answer: Answer, ask: Ask) -> Reply:
    """The head comes only with the first token."""
    return replace(strict_response_stream(answer, ask), delay_beats=BATCHES)


def _late_object(answer: Answer, ask: Ask) -> Reply:
    return replace(strict_response(answer, ask), delay_beats=BATCHES)


ROWS = (
    row(
        "responses-prefill-progress",
        "Prompt progress in response.in_progress where asked for, else silence",
        faults=("responses.progress-frame",),
        quirks=(84, 87),
        stream=_progress,
        whole=_late_object,
    ),
    row(
        "responses-prefill-silent",
        "Silence before the first token of a response",
        stream=_silent,
        whole=_late_object,
    ),
)
