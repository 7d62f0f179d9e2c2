"""Where a Responses stream tells its texts: one row for each kind of text.

Contract: pure tables. A text is told by deltas and a done event of its own. All but the texts of
calls stand in a part of their item, which is itself added and done.
Source: OpenAI API reference, "Streaming events"; docs/contract.md, "Responses".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeGuard

# The list of an item in which a part stands; a call's text is the item's own.
Holder = Literal["content", "summary", ""]


@dataclass(frozen=True, slots=True)
class TextKind:
    """``part`` is the part's type, empty for a call's text. ``item`` is the type of the item that
    holds it. ``field`` is the name of the text in a done event, in a part, and in a call's item.
    ``place`` is the field of an event that says the part's index."""

    part: str
    item: str
    field: str
    delta: str
    done: str
    holder: Holder = "content"

    @property
    def place(self) -> str:
        return f"{self.holder}_index" if self.holder else ""

    @property
    def part_event(self) -> str:
        """The type of the events that add and end a part, but for its last word."""
        summary = "response.reasoning_summary_part"
        return summary if self.holder == "summary" else "response.content_part"


OUTPUT_TEXT = TextKind(
    "output_text", "message", "text", "response.output_text.delta", "response.output_text.done"
)
REFUSAL = TextKind(
    "refusal", "message", "refusal", "response.refusal.delta", "response.refusal.done"
)
SUMMARY_TEXT = TextKind(
    "summary_text",
    "reasoning",
    "text",
    "response.reasoning_summary_text.delta",
    "response.reasoning_summary_text.done",
    "summary",
)
REASONING_TEXT = TextKind(
    "reasoning_text",
    "reasoning",
    "text",
    "response.reasoning_text.delta",
    "response.reasoning_text.done",
)
ARGUMENTS = TextKind(
    "",
    "function_call",
    "arguments",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "",
)
INPUT = TextKind(
    "",
    "custom_tool_call",
    "input",
    "response.custom_tool_call_input.delta",
    "response.custom_tool_call_input.done",
    "",
)

TEXT_KINDS = (OUTPUT_TEXT, REFUSAL, SUMMARY_TEXT, REASONING_TEXT, ARGUMENTS, INPUT)
BY_DELTA: Mapping[str, TextKind] = {kind.delta: kind for kind in TEXT_KINDS}
BY_DONE: Mapping[str, TextKind] = {kind.done: kind for kind in TEXT_KINDS}
CALLS: Mapping[str, TextKind] = {kind.item: kind for kind in (ARGUMENTS, INPUT)}
# The items whose texts are gathered; all others are carried as they come.
KNOWN_ITEMS = frozenset(kind.item for kind in TEXT_KINDS)

# Items of other kinds whose inner events are named for them, with the fields that clients require
# of each: such an event may be the first that is heard of one.
CARRIED_ITEMS: Mapping[str, Mapping[str, Any]] = {
    "web_search_call": {"status": "in_progress", "action": {"type": "search", "query": ""}},
    "file_search_call": {"status": "in_progress", "queries": []},
    "code_interpreter_call": {
        "status": "in_progress",
        "code": None,
        "container_id": "",
        "outputs": None,
    },
    "image_generation_call": {"status": "in_progress", "result": None},
    "mcp_call": {"server_label": "", "name": "", "arguments": ""},
    "mcp_list_tools": {"server_label": "", "tools": []},
    "shell_call": {"status": "in_progress"},
}

# By item, the kind of each type of part in it. Servers say "text" for what has a longer name.
_PARTS: Mapping[str, Mapping[str, TextKind]] = {
    "message": {"output_text": OUTPUT_TEXT, "text": OUTPUT_TEXT, "refusal": REFUSAL},
    "reasoning": {
        "summary_text": SUMMARY_TEXT,
        "reasoning_text": REASONING_TEXT,
        "text": REASONING_TEXT,
    },
}
_HOMES: Mapping[str, str] = {kind.part: kind.item for kind in TEXT_KINDS if kind.part}
# What a text that stands in a list without a type is.
_BARE: Mapping[tuple[str, str], TextKind] = {
    ("message", "content"): OUTPUT_TEXT,
    ("reasoning", "summary"): SUMMARY_TEXT,
    ("reasoning", "content"): REASONING_TEXT,
}


def home_of(part: Mapping[str, Any]) -> str:
    """The type of item in which alone a part of this type stands; empty where it is not known."""
    told = part.get("type")
    return _HOMES.get(told, "") if isinstance(told, str) else ""


def says_what_it_is(part: Mapping[str, Any]) -> bool:
    """Whether a part tells its type, or a text, which is of the type that its list has."""
    return _is_type(part.get("type")) or isinstance(part.get("text"), str)


def _is_type(told: Any) -> TypeGuard[str]:
    return isinstance(told, str) and bool(told)


def part_kind(item: str, holder: str, part: Mapping[str, Any]) -> TextKind | None:
    """The kind of a part's text; None for a part that is carried as it comes."""
    told = part.get("type")
    if not _is_type(told):
        return _BARE.get((item, holder)) if isinstance(part.get("text"), str) else None
    kind = _PARTS.get(item, {}).get(told)
    if kind is not None and kind.holder != holder:
        kind = _BARE.get((item, holder))
    return kind


# How ids begin, by the type of item.
ID_PREFIXES: Mapping[str, str] = {
    "message": "msg",
    "reasoning": "rs",
    "function_call": "fc",
    "custom_tool_call": "ctc",
    "web_search_call": "ws",
    "file_search_call": "fs",
    "code_interpreter_call": "ci",
    "image_generation_call": "ig",
    "mcp_call": "mcp",
    "mcp_list_tools": "mcpl",
}


def derived_id(item: str, reply_id: str, index: int) -> str:
    """The id of an item to which the server gave none."""
    return f"{ID_PREFIXES.get(item, 'item')}_{reply_id}_{index}"
