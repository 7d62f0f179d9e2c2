"""Frames to chunks: the JSON inside, or why it is none."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from strictwire.model.chunks import Chunk
from strictwire.model.frames import Frame, Malformed

_decode = msgspec.json.Decoder().decode
_SURROGATE = re.compile("[\ud800-\udfff]")


def parse_json(data: bytes) -> Any:
    """A JSON value, with U+FFFD for halves of characters, see ``read_json``. Raises ValueError."""
    value, is_strict = read_json(data)
    return value if is_strict else _without_surrogates(value)


def read_json(data: bytes) -> tuple[Any, bool]:
    """A JSON value, and whether a strict reader would read it too. Raises ValueError.

    What a strict reader refuses but a lenient one understands (NaN, a character cut in half by
    a tokenizer, quirk 20) is read as null or as halves, because the text around it is worth more
    than the rule. A half is a lone surrogate: one that was told so, or one that stands for a byte
    that is no UTF-8 (Python's ``surrogateescape``). ``chat.split-character`` joins them.
    """
    try:
        return _decode(data), True
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    try:
        text = data.decode("utf-8", "surrogateescape")
        return json.loads(text, strict=False, parse_constant=lambda _: None), False
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_without_surrogates(k): _without_surrogates(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_without_surrogates(inner) for inner in value]
    return value


def parse_chunk(frame: Frame) -> Chunk | Malformed:
    try:
        value, is_strict = read_json(frame.data)
    except ValueError:
        return Malformed(frame.data, "the data is not valid JSON")
    if not isinstance(value, dict):
        return Malformed(frame.data, "the data is not a JSON object")
    # Bytes that only a lenient reader understands must not pass as they came.
    return Chunk(value, frame.data if is_strict else b"", frame.event)
