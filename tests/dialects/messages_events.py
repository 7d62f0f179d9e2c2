"""Strategies for what a Messages stream can say: canonical lists of events, told and read back.

Canonical: texts of one block are not empty, two blocks of a kind have ``Separated`` between them,
a call's arguments are one JSON object, its id is its own, and the reply is finished.
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from strictwire.model.events import (
    Begun,
    Ended,
    Event,
    Extra,
    Finished,
    ReasoningDelta,
    Sealed,
    Separated,
    TextDelta,
    ToolCallBegun,
    ToolCallDelta,
    UsageTold,
)

TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
IDS = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8)
COUNTS = st.integers(0, 10_000)


def _cut(text: str, at: int) -> list[str]:
    return [piece for piece in (text[:at], text[at:]) if piece]


# A kind of block and the events that tell it.
Told = tuple[str, list[Any]]

THOUGHTS = st.lists(TEXTS, min_size=1, max_size=3)
INPUTS = st.dictionaries(TEXTS, TEXTS | COUNTS | st.lists(TEXTS, max_size=2), max_size=2)
BLOCK: st.SearchStrategy[Told] = st.one_of(
    st.lists(TEXTS, min_size=1, max_size=3).map(
        lambda texts: ("text", [TextDelta(0, text) for text in texts])
    ),
    THOUGHTS.map(lambda texts: ("thinking", [ReasoningDelta(0, text) for text in texts])),
    st.tuples(THOUGHTS, IDS).map(
        lambda told: ("sealed", [*(ReasoningDelta(0, t) for t in told[0]), Sealed(0, told[1])])
    ),
    IDS.map(lambda data: ("redacted", [Sealed(0, data, is_redacted=True)])),
    st.tuples(IDS, TEXTS, INPUTS, st.integers(0, 9)).map(lambda told: ("call", list(told))),
)
# What would be taken for one block where nothing stands between.
SAME = {("text", "text"), ("thinking", "thinking"), ("thinking", "sealed")}


def _events(blocks: list[Told]) -> list[Event]:
    events: list[Event] = []
    calls, before = 0, ""
    for kind, told in blocks:
        if kind == "call":
            identity, name, given, at = told
            events.append(ToolCallBegun(0, calls, f"{identity}_{calls}", name))
            pieces = _cut(json.dumps(given), at)
            events += [ToolCallDelta(0, calls, piece) for piece in pieces]
            calls += 1
        else:
            if (before, kind) in SAME:
                events.append(Separated(0))
            events += told
        before = kind
    return events


BLOCKS = st.lists(BLOCK, max_size=5).map(_events)


@st.composite
def _usages(draw: st.DrawFn) -> UsageTold:
    fresh, read, written = draw(COUNTS), draw(COUNTS), draw(COUNTS)
    output, thought = draw(st.integers(1, 10_000)), draw(COUNTS)
    details = {"cached_tokens": read} | ({"cache_write_tokens": written} if written else {})
    prompt = fresh + read + written
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": output,
        "total_tokens": prompt + output,
        "prompt_tokens_details": details,
    }
    if thought:
        usage["completion_tokens_details"] = {"reasoning_tokens": thought}
    return UsageTold(usage)


def _ends(has_calls: bool) -> st.SearchStrategy[Finished]:
    facts = st.sampled_from(
        [
            Finished(0, "length"),
            Finished(0, "content_filter"),
            Finished(0, "length", extra=_native("model_context_window_exceeded")),
            Finished(0, "stop", extra=_native("pause_turn")),
            Finished(0, "stop", extra=Extra(choice={"stop_reason": "END"})),
        ]
    )
    return facts | st.just(Finished(0, "tool_calls" if has_calls else "stop"))


def _native(word: str) -> Extra:
    return Extra(choice={"native_finish_reason": word})


@st.composite
def _replies(draw: st.DrawFn) -> list[Event]:
    body = draw(BLOCKS)
    has_calls = any(isinstance(event, ToolCallBegun) for event in body)
    usage = [draw(_usages())] if draw(st.booleans()) else []
    begun = Begun(draw(IDS), None, draw(TEXTS))
    return [begun, *body, draw(_ends(has_calls)), *usage, Ended()]


REPLIES: st.SearchStrategy[list[Event]] = _replies()
