"""The wait before the first token: told, silent, or in a queue.

Progress is llama.cpp's, and only where the request says ``return_progress``. A beat is the pace of
the playback, so ``prefill-progress@pace=500ms`` takes its time.
"""

from __future__ import annotations

from dataclasses import replace

from strictwire.lab.ask import Ask
from strictwire.lab.scenarios.answer import Answer
from strictwire.lab.scenarios.scenario import Scenario
from strictwire.lab.scenarios.servers import llamacpp_head
from strictwire.lab.scenarios.strict import chunk_frames, strict_object, strict_stream
from strictwire.lab.script import Json, Reply, Silence

TOTAL_TOKENS = 2560
CACHED_TOKENS = 512
BATCH_TOKENS = 512
QUEUE_BEATS = 6
BATCHES = (TOTAL_TOKENS - CACHED_TOKENS) // BATCH_TOKENS


def progress_counts() -> list[Json]:
    """What llama.cpp says at the start and after each batch; cached tokens count as processed."""
    done = range(CACHED_TOKENS, TOTAL_TOKENS + 1, BATCH_TOKENS)
    return [
        {
            "total": TOTAL_TOKENS,
            "cache": CACHED_TOKENS,
            "processed": processed,
            "time_ms": 40 * number,
        }
        for number, processed in enumerate(done)
    ]


def _progress(answer: Answer, ask: Ask) -> Reply:
    told = strict_stream(answer, ask)
    if not ask.wants_progress:
        return replace(told, delay_beats=BATCHES)
    pieces: list[bytes | Silence] = []
    for count in progress_counts():
        head = llamacpp_head(ask, prompt_progress=count)
        pieces += (*chunk_frames([head], ask), Silence(1))
    return replace(told, pieces=(*pieces, *told.pieces))


def _silent(answer: Answer, ask: Ask) -> Reply:
    """The head comes only with the first token."""
    return replace(strict_stream(answer, ask), delay_beats=BATCHES)


def _queued(answer: Answer, ask: Ask) -> Reply:
    told = _progress(answer, ask)
    return replace(told, delay_beats=told.delay_beats + QUEUE_BEATS)


def _late_object(answer: Answer, ask: Ask) -> Reply:
    return replace(strict_object(answer, ask), delay_beats=BATCHES)


def _queued_object(answer: Answer, ask: Ask) -> Reply:
    return replace(strict_object(answer, ask), delay_beats=BATCHES + QUEUE_BEATS)


ROWS = (
    Scenario(
        name="prefill-progress",
        title="Prompt progress in batches where asked for, else silence",
        rules=("chat.progress-frame",),
        quirks=(84, 87),
        stream=_progress,
        whole=_late_object,
    ),
    Scenario(
        name="prefill-silent",
        title="Silence before the first token, whatever is asked",
        stream=_silent,
        whole=_late_object,
    ),
    Scenario(
        name="prefill-queued",
        title="Silence in a queue, then as prefill-progress",
        rules=("chat.progress-frame",),
        quirks=(84, 87),
        stream=_queued,
        whole=_queued_object,
    ),
)
