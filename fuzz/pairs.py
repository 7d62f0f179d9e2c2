"""The pairs of dialects that a reply may have to cross, and the first bytes of an input that say
what was promised.

Contract: any bytes are a promise; the first byte turns its switches, the second chooses modes and
cuts, the third chooses the pair and turns what only some dialects know.
"""

from __future__ import annotations

from dataclasses import replace

from relay.playing import PROMISE
from strictwire.model.request import Dialect, FoldedTool, Promise

HEAD_BYTES = 3
# Client, and the dialect of its upstream's reply.
PAIRS: tuple[tuple[Dialect, Dialect], ...] = (
    ("chat", "chat"),
    ("completions", "completions"),
    ("responses", "responses"),
    ("messages", "messages"),
    ("chat", "responses"),
    ("chat", "messages"),
    ("completions", "chat"),
    ("completions", "responses"),
    ("completions", "messages"),
    ("responses", "chat"),
    ("responses", "messages"),
    ("messages", "chat"),
    ("messages", "responses"),
)

TOOL = "get_weather"
MODES = {
    "chat.think-tags": ("keep", "split", "opened"),
    "chat.cumulative-text": ("off", "on"),
    "chat.leaked-call": ("off", "on"),
}
# Less than most replies are long, so that the bounds are met; still more than any event is.
SMALL_REPLY_BYTES = 6000
_FOLDED = {TOOL: FoldedTool("weather", namespace="sky", wrapper="input")}
_ECHO = {"instructions": "Be brief.", "metadata": {"a": "b"}, "temperature": None, "tools": []}
# The pair stands in the low half of its byte.
_PAIR_MASK = 15


def head_of(client: Dialect, upstream: Dialect) -> bytes:
    """The first bytes of an input that is a plain stream between these two."""
    return bytes((0, 0, PAIRS.index((client, upstream))))


def promise_by(head: bytes) -> Promise:
    first, second, third = head[:HEAD_BYTES]
    client, upstream = PAIRS[(third & _PAIR_MASK) % len(PAIRS)]
    return replace(
        PROMISE,
        dialect=client,
        upstream=upstream,
        progress="event" if first & 1 else None,
        includes_usage=bool(first & 2),
        is_model_pinned=bool(first & 4),
        choices=1 if first & 8 else None,
        reasoning_key=("reasoning_content", "reasoning", "both", "both")[first >> 4 & 3],
        extra_fields="drop" if first & 64 else "keep",
        tools=frozenset((TOOL,)),
        modes={name: modes[second % len(modes)] for name, modes in MODES.items()}
        if first & 128 and upstream in ("chat", "completions")
        else {},
        folded=_FOLDED if third & 16 else {},
        responses_done=not third & 32,
        max_reply_bytes=SMALL_REPLY_BYTES if third & 64 else PROMISE.max_reply_bytes,
        prompt_tokens=7 if third & 128 else None,
        echo=_ECHO if third & 128 else {},
    )
