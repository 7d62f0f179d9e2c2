"""Plays the bytes of a chat stream and says what a strict client saw of its first choice.

Whatever the rules, the output is judged strictly, streamed and collected must say the same, and
once repaired there is nothing left to repair.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from relay.judge import Choice, judge_object, judge_stream
from relay.playing import PROMISE, Played, play
from strictwire.model.request import Promise


@dataclass(frozen=True)
class Seen:
    choice: Choice
    repairs: frozenset[str]
    error: str | None
    played: Played


def seen(body: bytes | Iterable[bytes], promise: Promise = PROMISE) -> Seen:
    pieces = [body] if isinstance(body, bytes) else list(body)
    played = play(pieces, promise)
    collected = play(pieces, replace(promise, is_stream=False))
    if played.failure is not None:
        assert collected.failure is not None
        told = judge_stream(played.out) if played.out else None
        choice = told.choices[0] if told and told.choices else Choice()
        return Seen(choice, played.repairs, played.failure.message, played)
    stream, whole = judge_stream(played.out), judge_object(collected.out)
    assert (stream.faults, whole.faults) == ([], [])
    streamed, one = stream.choices[0], whole.choices[0]
    for name in ("text", "reasoning", "refusal", "calls", "legacy", "finish"):
        assert getattr(streamed, name) == getattr(one, name)
    # Rules that read text would read what they made of it, so they stand aside.
    again = play(played.out, replace(promise, modes={}))
    assert (again.out, again.repairs) == (played.out, frozenset())
    return Seen(streamed, played.repairs, None, played)
