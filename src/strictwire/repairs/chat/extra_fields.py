"""The rule for fields that OpenAI does not know."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from strictwire.model.chunks import Chunk
from strictwire.model.request import Promise
from strictwire.repairs.chat.tools import BODY_FIELDS, PIECE_FIELDS, body_of
from strictwire.repairs.rule import ChunkRule

# Source: OpenAI API reference, "The chat completion chunk object". ``prompt_progress`` is how the
# rules before tell progress; it never goes out so. The keys of reasoning are every client's.
_TOP = frozenset(
    ["id", "object", "created", "model", "choices", "usage", "error", "prompt_progress",
     "system_fingerprint", "service_tier", "obfuscation"]
)  # fmt: skip
_CHOICE = frozenset(("index", "delta", "finish_reason", "logprobs"))
_DELTA = frozenset(
    ["role", "content", "reasoning_content", "reasoning", "refusal", "tool_calls", "function_call",
     "annotations", "audio"]
)  # fmt: skip


@dataclass(slots=True)
class ExtraFields(ChunkRule):
    """Drop the fields that OpenAI does not know, where the setting ``extra_fields`` says so.

    Clients must accept fields that are new to them, so they are kept unless a client is known
    that does not.
    """

    name = "chat.extra-fields"
    title = "A chunk has fields that OpenAI does not know"
    quirks = (37, 64, 87, 90)
    evidence = "lab:extra-fields-dropped"
    # Switched by the setting that the promise tells, not by the rule's name.
    modes: ClassVar[tuple[str, ...]] = ()
    choice_fields: ClassVar[frozenset[str]] = _CHOICE

    @classmethod
    def runs_for(cls, promise: Promise) -> bool:
        return promise.extra_fields == "drop"

    def feed(self, item: Chunk) -> Iterable[Chunk]:
        value = _only(item.value, _TOP)
        choices = item.value.get("choices")
        if choices:
            mended = [_mended(choice, self.choice_fields) for choice in choices]
            if any(new is not old for new, old in zip(mended, choices, strict=True)):
                value = value | {"choices": mended}
        if value is item.value:
            return (item,)
        self.fired = True
        return (item.repaired(value),)


def _mended(choice: dict[str, Any], known_fields: frozenset[str]) -> dict[str, Any]:
    kept = _only(choice, known_fields)
    delta = kept.get("delta")
    if isinstance(delta, dict):
        known = _only(delta, _DELTA)
        told = delta.get("tool_calls")
        if told:
            # Some servers tell one piece without a list around it.
            pieces = told if isinstance(told, list) else [told]
            mended = [_piece(piece) if isinstance(piece, dict) else piece for piece in pieces]
            if any(new is not old for new, old in zip(mended, pieces, strict=True)):
                known = known | {"tool_calls": mended}
        if known is not delta:
            kept = kept | {"delta": known}
    return kept


def _piece(piece: dict[str, Any]) -> dict[str, Any]:
    kept = _only(piece, PIECE_FIELDS)
    kind, _, body = body_of(kept)
    known = _only(body, BODY_FIELDS)
    return kept if known is body else kept | {kind: known}


def _only(value: dict[str, Any], known: frozenset[str]) -> dict[str, Any]:
    if value.keys() <= known:
        return value
    return {name: value[name] for name in value if name in known}
