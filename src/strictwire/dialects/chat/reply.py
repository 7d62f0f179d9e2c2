"""One whole chat completion object to the chunks that would have streamed it.

Contract: what is broken in the object stays broken in the chunks (a wrong finish reason, a tool
call without an id, arguments as an object), so that the same rules repair both and count only
what was really wrong. What is legal in an object and only there (tool calls without an index,
role and content side by side) is laid out as a stream has it. Nothing is dropped: what has no
place of its own goes along as extra fields.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from strictwire.dialects.chat.fields import DELTA
from strictwire.dialects.chat.writer import OBJECT
from strictwire.dialects.choices_reply import lay_out
from strictwire.model.chunks import Chunk

_CHOICE_OWN = frozenset(("index", "message", "finish_reason", "delta"))


def chunks_of_reply(value: dict[str, Any]) -> list[Chunk]:
    """The chunks of a whole reply, in the order of the wire; no terminal."""
    return lay_out(value, _choice_parts, kind=OBJECT)


def _choice_parts(position: int, choice: dict[str, Any]) -> Iterator[dict[str, Any]]:
    message = choice.get("message")
    if not isinstance(message, dict):
        # Some servers answer an object request with a chunk's shape (quirk 43).
        message = choice.get("delta") if isinstance(choice.get("delta"), dict) else {}
        message = message or {}
    number = choice.get("index")
    index = number if isinstance(number, int) else position
    deltas = list(_deltas(message))
    more = {name: message[name] for name in message if name not in DELTA}
    if more:
        # After the role, which stands alone in a stream.
        deltas.insert(1, more)
    extras = {name: choice[name] for name in choice if name not in _CHOICE_OWN}
    bearer = next(
        (i for i, delta in enumerate(deltas) if delta.get("content") or delta.get("refusal")),
        len(deltas),
    )
    parts: list[dict[str, Any]] = [
        {"index": index, "delta": delta}
        | (extras if place == bearer else {})
        | {"finish_reason": None}
        for place, delta in enumerate(deltas)
    ]
    end: dict[str, Any] = {"index": index, "delta": {}}
    end |= extras if bearer == len(deltas) else {}
    reason = choice.get("finish_reason")
    if not isinstance(reason, str) or not reason.strip():
        # Alone it would say nothing: what is wrong about it stands on the last delta.
        end = parts.pop() | end | {"delta": deltas[-1]}
        del end["finish_reason"]
    if "finish_reason" in choice:
        end["finish_reason"] = reason
    yield from (*parts, end)


def _deltas(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """At least one: the role."""
    yield {"role": message.get("role") or "assistant"}
    for name in ("reasoning_content", "reasoning", "content", "refusal"):
        text = message.get(name)
        if name == "reasoning" and message.get("reasoning_content") == text:
            continue
        if text:
            yield {name: text}
    calls = message.get("tool_calls")
    for position, call in enumerate(calls if isinstance(calls, list) else ()):
        if isinstance(call, dict):
            yield from _call_deltas(position, call)
    legacy = message.get("function_call")
    if isinstance(legacy, dict):
        yield {"function_call": {"name": legacy.get("name"), "arguments": ""}}
        yield {"function_call": {"arguments": legacy.get("arguments")}}


def _call_deltas(position: int, call: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The call without its arguments, then its arguments as they are, whatever their type."""
    function, custom = call.get("function"), call.get("custom")
    is_custom = isinstance(custom, dict) and not (isinstance(function, dict) and function)
    kind, text, body = (
        ("custom", "input", custom) if is_custom else ("function", "arguments", function)
    )
    if not isinstance(body, dict):
        body = {}
    head = {name: call[name] for name in call if name != "index"}
    head |= {"index": position, "type": call.get("type") or kind, kind: body | {text: ""}}
    yield {"tool_calls": [head]}
    if text in body and body[text] != "":
        yield {"tool_calls": [{"index": position, kind: {text: body[text]}}]}
