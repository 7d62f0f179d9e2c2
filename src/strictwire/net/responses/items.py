"""Items of a conversation as a Responses request and its response tell them, bytes in, bytes out.

Contract: pure. An item is kept as the bytes that told it; only its type, id, role and status are
ever looked at. A text as input is one message of the user.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from strictwire.dialects.responses.request import ResponsesRequest

Item = msgspec.Raw

_LIST = msgspec.json.Decoder(list[msgspec.Raw])
# What ids of items of each type begin with, as OpenAI's do.
_PREFIXES = {
    "message": "msg",
    "reasoning": "rs",
    "function_call": "fc",
    "function_call_output": "fco",
    "custom_tool_call": "ctc",
    "custom_tool_call_output": "ctco",
    "compaction": "cmp",
}


class Label(msgspec.Struct):
    """What says which item it is. All of it may be missing: messages often have no type."""

    type: Any = None
    id: Any = None
    role: Any = None


_LABEL = msgspec.json.Decoder(Label)


def items_of(raw: bytes | msgspec.Raw) -> list[Item]:
    """The items of a JSON array. Each is a copy: a view would hold the whole body."""
    return [_copied(one) for one in _LIST.decode(raw)]


def input_of(request: ResponsesRequest) -> list[Item]:
    """The request's own input; a text becomes the message that it stands for."""
    told = bytes(request.fields.get("input", b"null"))
    if told[:1] == b'"':
        return [user_message(msgspec.json.decode(told, type=str))]
    return items_of(told) if told[:1] == b"[" else []


def output_of(value: bytes) -> list[Item]:
    """The output items of a response object."""
    return [_copied(one) for one in _RESPONSE.decode(value).output]


class _Response(msgspec.Struct):
    output: list[msgspec.Raw] = []


_RESPONSE = msgspec.json.Decoder(_Response)


def label_of(item: Item) -> Label:
    """Never fails: what is no object has no label."""
    try:
        return _LABEL.decode(item)
    except msgspec.ValidationError:
        return Label()


def type_of(item: Item) -> str:
    label = label_of(item)
    if isinstance(label.type, str) and label.type:
        return label.type
    return "message" if isinstance(label.role, str) else ""


def id_of(item: Item) -> str:
    told = label_of(item).id
    return told if isinstance(told, str) else ""


def user_message(text: str) -> Item:
    content = [{"type": "input_text", "text": text}]
    return raw_of({"type": "message", "role": "user", "content": content})


def raw_of(value: Any) -> Item:
    return msgspec.Raw(msgspec.json.encode(value))


def array_of(items: Iterable[Item]) -> bytes:
    return msgspec.json.encode(list(items))


def with_ids(items: Sequence[Item], new_id: str) -> list[Item]:
    """The same items, each with an id; those that had none get one made of ``new_id``."""
    return [
        item if id_of(item) else _with_id(item, number, new_id) for number, item in enumerate(items)
    ]


def _with_id(item: Item, number: int, new_id: str) -> Item:
    kind = type_of(item)
    value = msgspec.json.decode(item)
    if not kind or not isinstance(value, dict):
        return item
    prefix = _PREFIXES.get(kind, "item")
    told = {name: one for name, one in value.items() if name not in ("id", "type")}
    return raw_of({"id": f"{prefix}_{new_id}_{number}", "type": kind, **told})


def _copied(item: msgspec.Raw) -> Item:
    return msgspec.Raw(bytes(item))
