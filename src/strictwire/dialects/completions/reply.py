"""One whole text completion object to the chunks that would have streamed it.

Contract: what is broken in the object stays broken in the chunks (a wrong finish reason, another
name or id, chat's ``message`` in the place of the text), so that the same rules repair both and
count only what was really wrong. What is legal in an object and only there (text and finish
reason side by side) is laid out as a stream has it. Nothing is dropped: what has no place of its
own goes along as extra fields.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from strictwire.dialects.choices_reply import lay_out
from strictwire.model.chunks import Chunk


def chunks_of_reply(value: dict[str, Any]) -> list[Chunk]:
    """The chunks of a whole reply, in the order of the wire; no terminal."""
    return lay_out(value, _choice_parts)


def _choice_parts(position: int, choice: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What the choice says, if it says anything, and its end."""
    number = choice.get("index")
    index = {"index": number if isinstance(number, int) else position}
    body = {name: choice[name] for name in choice if name not in ("index", "finish_reason")}
    reason = choice.get("finish_reason")
    # Without a reason the end alone would say nothing, so both stay together.
    has_reason = isinstance(reason, str) and bool(reason.strip())
    if has_reason and (choice.get("text") or isinstance(choice.get("message"), dict)):
        yield index | body | {"finish_reason": None}
        body = {"text": "", "logprobs": None}
    finish = index | body
    if "finish_reason" in choice:
        finish["finish_reason"] = choice["finish_reason"]
    yield finish
