"""The names of the Messages wire, and which block each kind of delta belongs to.

Source: Anthropic API reference, "Streaming Messages".
"""

from __future__ import annotations

import re
from typing import Any

ID_PREFIX = "msg_"
CALL_ID_PREFIX = "toolu_"

# What a client may be told as the reason for the end. "compaction" is of the beta interface.
STOP_REASONS = frozenset(
    (
        "end_turn",
        "max_tokens",
        "stop_sequence",
        "tool_use",
        "pause_turn",
        "refusal",
        "model_context_window_exceeded",
        "compaction",
    )
)

# Of each kind of delta: the kind of block that it adds to, and the field that holds what it adds.
DELTAS: dict[str, tuple[str, str]] = {
    "text_delta": ("text", "text"),
    "citations_delta": ("text", "citation"),
    "thinking_delta": ("thinking", "thinking"),
    "signature_delta": ("thinking", "signature"),
    "input_json_delta": ("tool_use", "partial_json"),
}
# Blocks that are told by their deltas, and what their start holds then.
TOLD_BY_DELTAS: dict[str, dict[str, str]] = {
    "text": {"text": ""},
    "thinking": {"thinking": "", "signature": ""},
}
# Blocks whose input comes as pieces of JSON.
TAKE_INPUT = frozenset(("tool_use", "server_tool_use", "mcp_tool_use"))

# An event's name stands in a line of its own, so what is no name must never get there.
_EVENT_NAME = re.compile(r"[a-z][a-z0-9_.]{0,63}")


def is_event_name(told: Any) -> bool:
    return isinstance(told, str) and _EVENT_NAME.fullmatch(told) is not None


def index_told(value: dict[str, Any]) -> int | None:
    """A block's index; None where there is none that could be one."""
    index = value.get("index")
    return index if type(index) is int and index >= 0 else None


def delta_text(delta: Any, kind: str, name: str) -> str:
    """What a delta of this kind adds, empty for any other delta."""
    text = delta.get(name) if isinstance(delta, dict) and delta.get("type") == kind else None
    return text if isinstance(text, str) else ""
