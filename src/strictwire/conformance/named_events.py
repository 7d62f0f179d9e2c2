"""What Responses and Messages have in common: each event says its type, twice.

Contract: ``kind_of`` gives the type as a forgiving client understands it, and tells where the
object and the name of its frame do not both say it.
Source: docs/contract.md, "Responses" and "Messages".
"""

from __future__ import annotations

from strictwire.conformance.finding import Findings
from strictwire.conformance.json_text import JsonText


def kind_of(text: JsonText, event: bytes, rules: tuple[str, str], found: Findings) -> str:
    """The event's type, empty where nobody says it. ``rules`` name what finds data without a type,
    and a frame that is not named so."""
    untyped, unnamed = rules
    told, named = text.value.get("type"), event.decode("utf-8", "replace")
    if not isinstance(told, str) or not told:
        found.add(untyped, text.at("type"), "the data has no type")
        return named
    if not named:
        found.add(unnamed, text.start, "the frame has no event name")
    elif named != told:
        found.add(unnamed, text.start, "the frame is named otherwise")
    return told


def judge_characters(text: JsonText, found: Findings) -> None:
    """Halves of a character, and bytes that are none: no rule of these dialects joins them."""
    if "characters" not in text.problems:
        return
    try:
        text.data.decode()
    except UnicodeDecodeError:
        found.add("sse.invalid-utf8", text.start)
    else:
        found.add("json.lenient", text.start, "half of a surrogate pair")
