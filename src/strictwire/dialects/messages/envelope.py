"""The first and the last of a message's events, made whole: ``message_start``, ``message_delta``.

Contract: pure functions. Each takes what was told, and returns the value that may go out (the same
object where it is in order) with the names of the rules that it took.
"""

from __future__ import annotations

from typing import Any

from strictwire.dialects.messages.names import ID_PREFIX, STOP_REASONS
from strictwire.dialects.messages.usage import COUNTS, is_count, joined_usage, strict_usage
from strictwire.model.request import Promise

START_FIELDS = "messages.start-fields"
STOP_REASON = "messages.stop-reason"
USAGE = "messages.usage"
MESSAGE_DELTA = "messages.message-delta"

_START_COUNTS = ("input_tokens", "output_tokens")
# What chat's servers call the reasons; some say so on this wire too.
_CHAT_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}


def new_start(promise: Promise) -> dict[str, Any]:
    """The start of a message of which nothing was told."""
    message: dict[str, Any] = {
        "id": ID_PREFIX + promise.id,
        "type": "message",
        "role": "assistant",
        "model": promise.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": promise.prompt_tokens or 0, "output_tokens": 0},
    }
    return {"type": "message_start", "message": message}


def strict_start(value: dict[str, Any], promise: Promise) -> tuple[dict[str, Any], set[str]]:
    told = value.get("message")
    message: dict[str, Any] = told if isinstance(told, dict) else {}
    whole: dict[str, Any] = new_start(promise)["message"]
    mended: set[str] = set()
    wrong = {name: whole[name] for name in whole if not _is_right(name, message)}
    if wrong:
        mended.add(START_FIELDS)
    usage = message.get("usage")
    if "usage" not in wrong:
        wrong |= _start_usage(usage, promise)
        mended |= {USAGE} if "usage" in wrong else set()
    if promise.is_model_pinned and message.get("model") != promise.model:
        wrong["model"] = promise.model
    return (value | {"message": message | wrong} if wrong else value), mended


def _is_right(name: str, message: dict[str, Any]) -> bool:
    value = message.get(name)
    match name:
        case "id" | "model":
            return isinstance(value, str) and bool(value)
        case "type":
            return value == "message"
        case "role":
            return value == "assistant"
        case "content":
            return value == []
        case "usage":
            return isinstance(value, dict)
    return name in message and value is None


def _start_usage(told: Any, promise: Promise) -> dict[str, Any]:
    usage = strict_usage(told, _START_COUNTS)
    # No prompt is empty: who says 0 does not know yet, and clients show it as it is (quirk 81).
    has_input = any(usage.get(name) for name in COUNTS if name != "output_tokens")
    if not has_input and promise.prompt_tokens:
        usage = usage | {"input_tokens": promise.prompt_tokens}
    return {} if usage is told else {"usage": usage}


def joined_delta(first: dict[str, Any], later: dict[str, Any]) -> dict[str, Any]:
    """Two ``message_delta`` as one: of what both tell, the last word counts."""
    deltas = [value.get("delta") for value in (first, later)]
    one, other = (delta if isinstance(delta, dict) else {} for delta in deltas)
    delta = one | {name: told for name, told in other.items() if told or name not in one}
    usage = joined_usage(first.get("usage"), later.get("usage"))
    return first | later | {"delta": delta, "usage": usage}


def reason_told(value: dict[str, Any] | None) -> str:
    delta = value.get("delta") if value is not None else None
    reason = delta.get("stop_reason") if isinstance(delta, dict) else None
    return reason if isinstance(reason, str) else ""


def strict_delta(
    value: dict[str, Any] | None, started: dict[str, Any], *, has_called: bool
) -> tuple[dict[str, Any], set[str]]:
    """The ``message_delta``; None where none came. ``started`` is the usage of the start."""
    if value is None:
        reason = _strict_reason("", has_called=has_called)
        usage = {name: count for name, count in started.items() if name in COUNTS}
        end = {"stop_reason": reason, "stop_sequence": None}
        return {"type": "message_delta", "delta": end, "usage": usage}, {MESSAGE_DELTA}
    mended: set[str] = set()
    wrong: dict[str, Any] = {}
    delta = value.get("delta")
    told = reason_told(value)
    reason = _strict_reason(told, has_called=has_called)
    if reason != told:
        mended.add(STOP_REASON)
    end = {"stop_reason": reason}
    if not isinstance(delta, dict) or not _is_sequence(delta.get("stop_sequence", 0)):
        mended.add(MESSAGE_DELTA)
        end["stop_sequence"] = None
    if mended:
        wrong["delta"] = (delta if isinstance(delta, dict) else {}) | end
    usage = strict_usage(_with_output(value.get("usage"), started), ("output_tokens",))
    usage = _without_uncounted_input(usage, started)
    if usage is not value.get("usage"):
        mended.add(USAGE)
        wrong["usage"] = usage
    return (value | wrong if wrong else value), mended


def _is_sequence(told: Any) -> bool:
    return told is None or isinstance(told, str)


def _strict_reason(told: str, *, has_called: bool) -> str:
    reason = told if told in STOP_REASONS else _CHAT_REASONS.get(told, "end_turn")
    if reason == "end_turn" and has_called:
        return "tool_use"
    # Without a call there is nothing to answer: agents would ask again for ever.
    return "end_turn" if reason == "tool_use" and not has_called else reason


def _without_uncounted_input(usage: dict[str, Any], started: dict[str, Any]) -> dict[str, Any]:
    """A prompt of no tokens at all was not counted: what the start said, an estimate maybe, holds,
    and clients keep it where the end says nothing."""
    is_counted = any(usage.get(name) for name in COUNTS if name != "output_tokens")
    if is_counted or "input_tokens" not in usage or not started.get("input_tokens"):
        return usage
    return {name: count for name, count in usage.items() if name != "input_tokens"}


def _with_output(told: Any, started: dict[str, Any]) -> Any:
    """Usage with the output of the start, where only that was told."""
    output = started.get("output_tokens")
    if isinstance(told, dict) and is_count(told.get("output_tokens")):
        return told
    known = {"output_tokens": output} if is_count(output) else {}
    return (told if isinstance(told, dict) else {}) | known
