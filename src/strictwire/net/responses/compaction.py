"""Compactions that the gateway makes itself: how they are asked for, sealed and opened again.

Contract: pure. A compaction item's ``encrypted_content`` is opaque to its client. Ours holds a
summary in plain words, behind a prefix by which we know it again; it is not encrypted, and keeps
nothing from whoever holds it. Any other server's passes untouched. What the summary is asked for
with is ``PROMPT``, and what it is introduced with when it comes back is ``INTRODUCTION``.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from strictwire.net.responses.items import Item, type_of, user_message

# The older name is what some clients still send back.
TYPES = frozenset(("compaction", "compaction_summary"))
# The last item of a request that asks for a compaction in place of an answer.
TRIGGER = "compaction_trigger"
# Ours, and the version of what follows: base64 of UTF-8 text.
_PREFIX = "strictwire-summary-1."

PROMPT = (
    "The conversation above is about to be replaced by a summary, from which you will go on "
    "without seeing anything else of it but the user's own messages. Write that summary now. Say "
    "what the user wants and under which conditions; what was done and found out, with names of "
    "files, functions, commands and values exactly as they are; what was decided and why; what "
    "failed; and what is left to do, the next step first. Leave out nothing that you would have to "
    "ask for again. Answer with the summary alone, and call no tool."
)
INTRODUCTION = (
    "What follows is a summary of this conversation so far, which takes its place. Go on from "
    "it.\n\n"
)


def sealed(summary: str) -> str:
    """The summary as a compaction item carries it."""
    return _PREFIX + base64.urlsafe_b64encode(summary.encode()).decode("ascii")


def summary_of(content: Any) -> str | None:
    """The summary in an ``encrypted_content``; None where it is not ours."""
    if not isinstance(content, str) or not content.startswith(_PREFIX):
        return None
    try:
        return base64.b64decode(content.removeprefix(_PREFIX), b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def opened(item: Item) -> Item:
    """The message that one of our compactions stands for; any other item as it is."""
    value = msgspec.json.decode(item)
    summary = summary_of(value.get("encrypted_content"))
    return item if summary is None else user_message(INTRODUCTION + summary)


def asking(items: Sequence[Item]) -> list[Item]:
    """The conversation with the wish for its summary at the end."""
    return [*items, user_message(PROMPT)]


def kept_messages(items: Iterable[Item]) -> list[Item]:
    """The user's own messages: they stay as they are."""
    return [one for one in items if type_of(one) == "message" and _role(one) == "user"]


def compaction_item(summary: str, new_id: str) -> dict[str, Any]:
    return {
        "id": f"cmp_{new_id}",
        "type": "compaction",
        "encrypted_content": sealed(summary),
    }


def text_of(output: Iterable[Any]) -> str:
    """The text of a response's messages."""
    parts = [
        part.get("text")
        for item in output
        if isinstance(item, dict) and item.get("type") == "message"
        for part in item.get("content") or ()
        if isinstance(part, dict) and part.get("type") == "output_text"
    ]
    return "\n\n".join(one.strip() for one in parts if isinstance(one, str) and one.strip())


def as_output(items: Iterable[Item], new_id: str) -> list[dict[str, Any]]:
    """Messages of the user as the output of a compaction has them: with content in parts."""
    shaped: list[dict[str, Any]] = []
    for number, item in enumerate(items):
        value = msgspec.json.decode(item)
        content = value.get("content")
        if isinstance(content, str):
            content = [{"type": "input_text", "text": content}]
        own = {"type": "message", "role": "user", "content": content, "status": "completed"}
        shaped.append({"id": f"msg_{new_id}_{number}", **value, **own})
    return shaped


def _role(item: Item) -> Any:
    return msgspec.json.decode(item).get("role")
