"""Blocks that hold too much, too little, or no data: objects joined, bare, without an end.

Also progress that comes beside the chunks, in comments and in events of its own.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import replace

from strictwire.lab.ask import Ask
from strictwire.lab.scenarios.answer import Answer
from strictwire.lab.scenarios.errors import (
    MEMORY,
    PIECES_BEFORE,
    WHOLE_MEMORY_FAILURE,
    broken_off,
    half_chunk,
    memory_object,
)
from strictwire.lab.scenarios.scenario import Builder, ExpectedError, Scenario, frames_by
from strictwire.lab.scenarios.strict import DONE, comment, frame, strict_chunks, strict_frames
from strictwire.lab.script import Json, Piece, Reply, Silence, to_json

Frames = tuple[bytes, ...]

_LATE_MEMORY = ExpectedError(code="out_of_memory", is_early=False)
PROMPT_TOKENS = 96
_BATCHES = (32, 64, PROMPT_TOKENS)


def _payload(frame: bytes) -> bytes:
    return frame.removeprefix(b"data: ").removesuffix(b"\n\n")


def _in_pairs(join: Callable[[bytes, bytes], bytes]) -> Callable[[Frames], Frames]:
    """Two chunks in each block, as a middlebox joins them; the terminal stays alone."""

    def joined(frames: Frames) -> Frames:
        chunks = [_payload(frame) for frame in frames[:-1]]
        pairs = itertools.zip_longest(chunks[::2], chunks[1::2])
        blocks = (join(*pair) if pair[1] else b"data: " + pair[0] for pair in pairs)
        return (*(block + b"\n\n" for block in blocks), frames[-1])

    return joined


def _bare(place: int, *, indent: int | None = None) -> Callable[[Frames], Frames]:
    """The chunk at ``place`` without its ``data:``."""

    def changed(frames: Frames) -> Frames:
        text = json.dumps(json.loads(_payload(frames[place])), indent=indent, ensure_ascii=False)
        return (*frames[:place], text.encode() + b"\n\n", *frames[place + 1 :])

    return changed


def _without_last_end(frames: Frames) -> Frames:
    return (*frames[:-1], frames[-1].removesuffix(b"\n\n"))


def _finish_without_end(frames: Frames) -> Frames:
    return _without_last_end(frames[:-1])


def _error_row(
    name: str, title: str, rule: str, quirks: tuple[int, ...], error: Callable[[Ask], bytes]
) -> Scenario:
    """Some text, then the out-of-memory error in some way that must not hide what it says."""
    return Scenario(
        name=name,
        title=title,
        rules=(rule,),
        faults=("reply.error-end",),
        quirks=quirks,
        stream=broken_off(lambda ask: (error(ask),)),
        whole=memory_object,
        failure=_LATE_MEMORY,
        whole_failure=WHOLE_MEMORY_FAILURE,
        pieces_before_failure=PIECES_BEFORE,
    )


def _after(heads: tuple[bytes, ...]) -> Builder:
    """Heads, one beat apart, and then the healthy stream."""

    def build(answer: Answer, ask: Ask) -> Reply:
        told = strict_frames(strict_chunks(answer, ask), ask)
        waits: list[Piece] = [piece for head in heads for piece in (head, Silence(1))]
        return Reply((*waits, *told))

    return build


def progress_event(past: int | None, total: int | None = PROMPT_TOKENS) -> bytes:
    """SwiftLM's report of one batch; it tells nulls before it has counted."""
    fraction = None if past is None or not total else past / total
    told: Json = {
        "status": "processing",
        "n_past": past,
        "n_prompt_tokens": total,
        "fraction": fraction,
        "elapsed_seconds": 0,
    }
    return b"event: prefill_progress\n" + frame(told)


_MEMORY_TEXT = json.dumps(MEMORY, indent=2).encode()
_KEEPALIVES = tuple(comment(f"keepalive {done}/{PROMPT_TOKENS}") for done in _BATCHES)
_EVENTS = (progress_event(None, None), *map(progress_event, _BATCHES))

ROWS = (
    Scenario(
        name="joined-objects",
        title="Two chunks in one block, one object a line",
        rules=("sse.joined-objects",),
        faults=("sse.data-lines",),
        quirks=(21,),
        stream=frames_by(_in_pairs(lambda one, two: b"data: " + one + b"\ndata: " + two)),
    ),
    Scenario(
        name="joined-objects-close",
        title="Two chunks in one data line, nothing between them",
        rules=("sse.joined-objects",),
        quirks=(21,),
        stream=frames_by(_in_pairs(lambda one, two: b"data: " + one + two)),
    ),
    replace(
        _error_row(
            "error-inside-frame",
            "An error written into an unfinished block",
            "sse.joined-objects",
            (22,),
            lambda ask: half_chunk(ask) + b"\n" + frame(MEMORY),
        ),
        faults=("reply.error-end", "sse.data-lines"),
    ),
    Scenario(
        name="bare-json",
        title="One chunk without data: before it",
        rules=("sse.bare-json",),
        quirks=(23,),
        stream=frames_by(_bare(3)),
    ),
    Scenario(
        name="bare-json-printed",
        title="One chunk without data:, printed over many lines",
        rules=("sse.bare-json",),
        quirks=(23,),
        stream=frames_by(_bare(3, indent=2)),
    ),
    _error_row(
        "error-bare-json",
        "A bare JSON error in an open stream, without data:",
        "sse.bare-json",
        (23,),
        lambda ask: to_json(MEMORY) + b"\n",
    ),
    _error_row(
        "error-bare-json-printed",
        "A bare JSON error over many lines, and no line end after it",
        "sse.bare-json",
        (23,),
        lambda ask: _MEMORY_TEXT,
    ),
    _error_row(
        "error-without-end",
        "Some text, then an error without the blank line that ends a block",
        "sse.unended-frame",
        (22, 65),
        lambda ask: b"data: " + to_json(MEMORY),
    ),
    Scenario(
        name="done-without-end",
        title="[DONE] without the blank line that ends a block",
        rules=("sse.unended-frame",),
        quirks=(10,),
        stream=frames_by(_without_last_end),
    ),
    Scenario(
        name="unended-frame",
        title="No [DONE], and the last chunk lacks the blank line that ends a block",
        rules=("sse.unended-frame", "reply.done-missing"),
        quirks=(10,),
        stream=frames_by(_finish_without_end),
    ),
    Scenario(
        name="done-twice",
        title="[DONE] twice",
        faults=("sse.after-done",),
        quirks=(10,),
        stream=frames_by(lambda frames: (*frames, DONE)),
    ),
    Scenario(
        name="chunk-after-done",
        title="A chunk of text after [DONE]",
        faults=("sse.after-done",),
        quirks=(10,),
        stream=frames_by(lambda frames: (*frames, frames[1])),
    ),
    Scenario(
        name="comment-progress",
        title="Prompt progress in comments, as of mlx-lm",
        rules=("sse.comment-progress",),
        quirks=(88,),
        stream=_after(_KEEPALIVES),
    ),
    Scenario(
        name="progress-event",
        title="Prompt progress in events of its own, as of SwiftLM",
        rules=("sse.progress-event",),
        faults=("sse.event-name",),
        quirks=(95,),
        stream=_after(_EVENTS),
    ),
)
