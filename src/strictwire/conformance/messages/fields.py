"""The fields of a message, of its blocks and its usage, and of an error in Anthropic's shape.

Contract: each function names what is missing or wrong; nothing where all is as promised.
Source: Anthropic API reference, "Messages", "Streaming messages" and "Errors"; docs/contract.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from strictwire.conformance.usage import is_whole_number

Json = dict[str, Any]
Test = Callable[[Any], bool]

STOP_REASONS = frozenset(
    ("end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal",
     "model_context_window_exceeded")
)  # fmt: skip
# Calls that the client answers; those of the server's own tools end with the message.
CALLED = "tool_use"
# Blocks with an input, whoever runs the tool, have a type that ends so.
_USE = "tool_use"
_ERROR_TYPES = frozenset(
    ("invalid_request_error", "authentication_error", "billing_error", "permission_error",
     "not_found_error", "conflict_error", "request_too_large", "rate_limit_error", "api_error",
     "timeout_error", "overloaded_error")
)  # fmt: skip
_COUNTS = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


def is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_string(value: Any) -> bool:
    return isinstance(value, str)


def _is_any(value: Any) -> bool:
    return True


_MESSAGE: Mapping[str, Test] = {
    "id": is_text,
    "type": lambda value: isinstance(value, str) and value == "message",
    "role": lambda value: isinstance(value, str) and value == "assistant",
    "model": is_text,
    "content": lambda value: isinstance(value, list),
    "stop_reason": _is_any,
    "stop_sequence": lambda value: value is None or isinstance(value, str),
}
# The text of a block, by its type, and what else such a block has.
TEXTS: Mapping[str, str] = {"text": "text", "thinking": "thinking"}
_BLOCKS: Mapping[str, Mapping[str, Test]] = {
    "text": {"text": _is_string},
    "thinking": {"thinking": _is_string, "signature": _is_string},
    "redacted_thinking": {"data": is_text},
    # An empty name is all that can be said of one that never came.
    "tool_use": {"name": _is_string},
    "server_tool_use": {"name": _is_string},
}
# What a delta says, and the type of block that it is for.
DELTAS: Mapping[str, tuple[str, str]] = {
    "text_delta": ("text", "text"),
    "citations_delta": ("citation", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "signature_delta": ("signature", "thinking"),
    "input_json_delta": ("partial_json", _USE),
}


def has_input(kind: str) -> bool:
    return kind.endswith(_USE)


def fits(block: str, delta: str) -> bool:
    """Whether such a delta may come in such a block; those that nobody knows may come in any."""
    if delta not in DELTAS:
        return True
    wanted = DELTAS[delta][1]
    return has_input(block) if wanted == _USE else block == wanted


def wrong_in_message(value: Json) -> Iterator[str]:
    return (name for name, is_right in _MESSAGE.items() if name not in value
            or not is_right(value[name]))  # fmt: skip


def wrong_in_block(block: Any) -> Iterator[str]:
    """Ids and inputs of tools are told by checks of their own."""
    kind = block.get("type") if isinstance(block, dict) else None
    if not is_text(kind):
        yield "type"
        return
    for name, is_right in _BLOCKS.get(str(kind), {}).items():
        if not is_right(block.get(name)):
            yield name


def is_usage(usage: Any, *, is_final: bool) -> bool:
    """``is_final``: the counts of the prompt were told where the message began."""
    if not isinstance(usage, dict) or not is_whole_number(usage.get("output_tokens")):
        return False
    if not is_final and not is_whole_number(usage.get("input_tokens")):
        return False
    return all(usage.get(name) is None or is_whole_number(usage[name]) for name in _COUNTS)


def is_error_shaped(value: Json) -> bool:
    """The object inside; that it is an error at all is for its own type to say."""
    error = value.get("error")
    return isinstance(error, dict) and is_text(error.get("message")) and is_text(error.get("type"))


def has_known_type(value: Json) -> bool:
    """Whether the type of a well-shaped error is one that Anthropic's clients tell apart."""
    return value["error"]["type"] in _ERROR_TYPES
