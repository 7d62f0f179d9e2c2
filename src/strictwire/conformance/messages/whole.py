"""A whole message, or the error that came in its place.

Contract: what the stream would have said, by the same rules.
Source: docs/contract.md, "Messages" and "Whole objects".
"""

from __future__ import annotations

from typing import Any

from strictwire.conformance.json_text import JsonText, Path
from strictwire.conformance.messages.fields import (
    CALLED,
    has_input,
    has_known_type,
    is_error_shaped,
    is_text,
    is_usage,
    wrong_in_block,
    wrong_in_message,
)
from strictwire.conformance.messages.stream import is_wrong_reason
from strictwire.conformance.named_events import judge_characters
from strictwire.conformance.reply import Reply

Json = dict[str, Any]

# What a stream says in its message_delta, and what mends it there.
_ENDS = {"stop_reason": "messages.stop-reason", "stop_sequence": "messages.message-delta"}


def judge_message(text: JsonText, reply: Reply) -> None:
    value, found = text.value, reply.found
    judge_characters(text, found)
    if "content" not in value and "role" not in value:
        if value.get("type") == "error" or value.get("error") or value.get("detail"):
            if value.get("type") != "error" or not is_error_shaped(value):
                found.add("messages.error-shape", text.at("error"))
            elif not has_known_type(value):
                found.add("messages.error-type", text.at("error", "type"))
        else:
            found.add("whole.kind", text.at("type"))
        return
    for name in wrong_in_message(value):
        found.add(_ENDS.get(name, "messages.start-fields"), text.at(name), name)
    usage = value.get("usage")
    if not is_usage(usage, is_final=False):
        found.add("messages.usage", text.at("usage"))
    if not isinstance(usage, dict):
        found.add("messages.start-fields", text.at("usage"), "usage")
    content = value.get("content")
    blocks = content if isinstance(content, list) else []
    known: set[str] = set()
    for place, block in enumerate(blocks):
        _block(block, ("content", place), known, text, reply)
    has_called = any(isinstance(one, dict) and one.get("type") == CALLED for one in blocks)
    reason = value.get("stop_reason")
    if "stop_reason" in value and is_wrong_reason(reason, has_called=has_called):
        found.add("messages.stop-reason", text.at("stop_reason"))


def _block(block: Any, path: Path, known: set[str], text: JsonText, reply: Reply) -> None:
    found = reply.found
    for name in wrong_in_block(block):
        found.add("messages.block-start-missing", text.at(*path), name)
    if not isinstance(block, dict) or not has_input(str(block.get("type"))):
        return
    identity = block.get("id")
    if not is_text(identity) or identity in known:
        found.add("messages.tool-id", text.at(*path))
    known.add(str(identity))
    if not isinstance(block.get("input"), dict):
        found.add("messages.tool-input", text.at(*path, "input"))
