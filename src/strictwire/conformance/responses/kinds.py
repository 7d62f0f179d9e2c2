"""The events of a Responses stream: what each does to which item.

Contract: pure tables. An event that has no row here belongs to an item of a kind that is carried as
it comes, or is no event of this dialect at all.
Source: OpenAI API reference, "Streaming events"; docs/contract.md, "Responses".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

# The list of its item in which a part stands; empty: the text is the item's own.
Group = Literal["content", "summary", ""]
Action = Literal["item-added", "item-done", "part-added", "part-done", "delta", "text-done", "note"]

BEGINNINGS = ("response.created", "response.queued", "response.in_progress")
TERMINALS: Mapping[str, str] = {
    "response.completed": "completed",
    "response.incomplete": "incomplete",
    "response.failed": "failed",
}
PREFIX = "response."
# Other specifications' names for the same events (Open Responses, OpenAI's Realtime interface).
OTHER_NAMES: Mapping[str, str] = {
    "response.reasoning.delta": "response.reasoning_text.delta",
    "response.reasoning.done": "response.reasoning_text.done",
    "response.reasoning_summary.delta": "response.reasoning_summary_text.delta",
    "response.reasoning_summary.done": "response.reasoning_summary_text.done",
    "response.text.delta": "response.output_text.delta",
    "response.text.done": "response.output_text.done",
}


@dataclass(frozen=True, slots=True)
class TextKind:
    """A text of an item. ``key`` is its name in a done event, in its part or its item."""

    item: str
    part: str
    group: Group
    key: str


@dataclass(frozen=True, slots=True)
class Step:
    """What one type of event does. ``text`` is None where it is not about one kind of text."""

    action: Action
    group: Group = ""
    text: TextKind | None = None


OUTPUT_TEXT = TextKind("message", "output_text", "content", "text")
REFUSAL = TextKind("message", "refusal", "content", "refusal")
SUMMARY = TextKind("reasoning", "summary_text", "summary", "text")
THOUGHT = TextKind("reasoning", "reasoning_text", "content", "text")
ARGUMENTS = TextKind("function_call", "", "", "arguments")
INPUT = TextKind("custom_tool_call", "", "", "input")

_TEXT_EVENTS: Mapping[str, TextKind] = {
    "response.output_text": OUTPUT_TEXT,
    "response.refusal": REFUSAL,
    "response.reasoning_summary_text": SUMMARY,
    "response.reasoning_text": THOUGHT,
    "response.function_call_arguments": ARGUMENTS,
    "response.custom_tool_call_input": INPUT,
}
STEPS: Mapping[str, Step] = {
    "response.output_item.added": Step("item-added"),
    "response.output_item.done": Step("item-done"),
    "response.content_part.added": Step("part-added", "content"),
    "response.content_part.done": Step("part-done", "content"),
    "response.reasoning_summary_part.added": Step("part-added", "summary"),
    "response.reasoning_summary_part.done": Step("part-done", "summary"),
    "response.output_text.annotation.added": Step("note", "content", OUTPUT_TEXT),
    **{f"{name}.delta": Step("delta", kind.group, kind) for name, kind in _TEXT_EVENTS.items()},
    **{f"{name}.done": Step("text-done", kind.group, kind) for name, kind in _TEXT_EVENTS.items()},
}

PART_KINDS: Mapping[str, TextKind] = {
    kind.part: kind for kind in (OUTPUT_TEXT, REFUSAL, SUMMARY, THOUGHT)
}
CALL_KINDS: Mapping[str, TextKind] = {kind.item: kind for kind in (ARGUMENTS, INPUT)}
# The items whose texts are followed.
KNOWN_ITEMS = frozenset(kind.item for kind in _TEXT_EVENTS.values())
