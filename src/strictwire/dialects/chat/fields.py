"""Which fields of a chat chunk the model has a place for; all others go along as extras."""

from __future__ import annotations

CHOICE = frozenset(("index", "delta", "finish_reason"))
DELTA = frozenset(
    ("role", "content", "reasoning_content", "reasoning", "refusal", "tool_calls", "function_call")
)
CALL = frozenset(("index", "id", "type", "function", "custom"))
# Of a call's inner object; a function has arguments, a custom tool an input.
CALL_BODY = frozenset(("name", "arguments", "input"))
