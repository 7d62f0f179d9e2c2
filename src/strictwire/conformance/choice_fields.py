"""What every choice has in every dialect: its index and its finish reason; and the names by which
the dialects differ.

Source: docs/contract.md, "Chat chunks"; docs/quirks.md, 26 to 29 and 42.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from strictwire.conformance.finding import Findings
from strictwire.conformance.json_text import JsonText, Path
from strictwire.conformance.reply import Reply
from strictwire.conformance.usage import is_whole_number
from strictwire.model.events import FINISH_REASONS

# An index from here on counts something else than choices.
MAX_CHOICES_TOLD = 1024

# Stands for a finish reason in a server's own words that is none of the plain end of a text.
FOREIGN_REASON = "foreign"
_NO_PLAIN_END = re.compile("tool|function|length|max|filter|safety|sensitive|recitation|refusal")


@dataclass(frozen=True, slots=True)
class Names:
    """``foreign_prefix``: an id that begins so is another dialect's; ``other_objects``: names that
    chunks may have here too. ``known_fields`` are those of
    a choice; whoever asked for no others gets no others."""

    chunk_object: str
    envelope_rule: str
    empty_rule: str
    known_fields: frozenset[str]
    foreign_prefix: str = ""
    other_objects: tuple[str, ...] = ()


def index_of(value: dict[str, Any], place: int, text: JsonText, reply: Reply) -> int:
    """The choice's index as a forgiving client reads it."""
    index, at = value.get("index"), ("choices", place, "index")
    if not is_whole_number(index) or int(str(index)) >= MAX_CHOICES_TOLD:
        reply.found.add("chat.choice-index", text.at(*at))
        index = place
    if reply.asked.choices == 1 and index != 0 and not reply.has_several_choices:
        reply.found.add("chat.choice-counting", text.at(*at), f"index {index}")
        return 0
    return int(str(index))


def reason_of(value: dict[str, Any], path: Path, text: JsonText, found: Findings) -> str | None:
    """The finish reason as far as there is one."""
    if "finish_reason" not in value:
        found.add("chat.finish-missing", text.at(*path))
        return None
    reason = value["finish_reason"]
    if reason is None or (isinstance(reason, str) and reason in FINISH_REASONS):
        return reason
    at = text.at(*path, "finish_reason")
    if isinstance(reason, str) and not reason.strip():
        found.add("chat.finish-empty", at)
        return None
    found.add("chat.finish-value", at)
    if not isinstance(reason, str):
        return None
    return FOREIGN_REASON if _NO_PLAIN_END.search(reason.lower()) else "stop"
