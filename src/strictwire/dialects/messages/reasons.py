"""Why a message ended: Anthropic's reasons and the model's.

Contract: pure. What the model has no word for goes along as chat's servers tell it: the stop
sequence that was met as ``stop_reason`` (vLLM), the server's own word as ``native_finish_reason``
(OpenRouter).
"""

from __future__ import annotations

from typing import Any

from strictwire.dialects.messages.names import STOP_REASONS
from strictwire.model.events import NO_EXTRA, Extra, Finished, FinishReason

_FROM_MESSAGES: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "compaction": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
# The plain word of each reason; any other of Anthropic's goes along by its name.
_TO_MESSAGES: dict[str, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}


def finish_reason(told: str) -> FinishReason:
    return _FROM_MESSAGES.get(told, "stop")


def finished_of(delta: dict[str, Any]) -> Finished:
    """The end that a strict ``message_delta`` tells."""
    told = delta.get("stop_reason")
    reason = finish_reason(told if isinstance(told, str) else "")
    sequence = delta.get("stop_sequence")
    extra = NO_EXTRA
    if told == "stop_sequence" and isinstance(sequence, str):
        extra = Extra(choice={"stop_reason": sequence})
    elif told != _TO_MESSAGES[reason]:
        extra = Extra(choice={"native_finish_reason": told})
    return Finished(0, reason, extra=extra)


def delta_of(finished: Finished | None, *, has_refused: bool) -> dict[str, Any]:
    """The ``delta`` of the last event, from how the reply ended."""
    if finished is None:
        return {"stop_reason": "refusal" if has_refused else "end_turn", "stop_sequence": None}
    beside = finished.extra.choice
    reason = _TO_MESSAGES[finished.reason]
    if reason == "end_turn":
        sequence = beside.get("stop_sequence") or beside.get("stop_reason")
        if isinstance(sequence, str) and sequence:
            return {"stop_reason": "stop_sequence", "stop_sequence": sequence}
        if has_refused:
            reason = "refusal"
    native = beside.get("native_finish_reason")
    is_finer = native in STOP_REASONS and _FROM_MESSAGES[native] == finished.reason
    return {"stop_reason": native if is_finer else reason, "stop_sequence": None}
