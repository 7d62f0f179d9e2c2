"""What a GGUF file says of its model before it is loaded: how long a context it was made for.

Contract: ``read_header`` reads the key-value part of the file and nothing of its weights. It
judges nothing: of what it cannot follow it says None, and llama.cpp, which is asked next, has the
reason. Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MAGIC = b"GGUF"
# Version 1 had other lengths and is read by nobody any more; a later one is not known here.
VERSIONS = (2, 3)
# A real header has some dozens of keys, and half a million strings where the vocabulary is large.
# Beyond these it is no header, and we would count for minutes.
MAX_KEYS = 4096
MAX_STRINGS = 8_000_000

_STRING: Final = 8
_ARRAY: Final = 9
# The types of values that have one size: their number and how ``struct`` calls them.
_NUMBERS: Mapping[int, struct.Struct] = {
    number: struct.Struct(f"<{letter}")
    for number, letter in {
        0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d",
    }.items()
}  # fmt: skip
_LENGTH = struct.Struct("<Q")
_KIND = struct.Struct("<I")
_ARRAY_HEAD = struct.Struct("<IQ")
_START = struct.Struct("<4sIQQ")


@dataclass(frozen=True, slots=True)
class Header:
    """``trained_context`` in tokens, ``size_bytes`` of the whole file. ``is_embedder``: the model
    was made to tell vectors, not text (its ``pooling_type`` makes one vector of a text)."""

    trained_context: int
    size_bytes: int
    is_embedder: bool = False


def read_header(path: Path) -> Header | None:
    """What the file says, or None where it is no file that we can follow."""
    try:
        with (
            path.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
        ):
            return _header_of(_read_values(data), len(data))
    except (OSError, ValueError, OverflowError, struct.error):
        return None  # ValueError: an empty file cannot be mapped. OverflowError: a length of 2**63


def _header_of(values: Mapping[str, int | str], size_bytes: int) -> Header | None:
    architecture = values.get("general.architecture")
    trained = values.get(f"{architecture}.context_length")
    if not isinstance(trained, int) or trained <= 0:
        return None
    # 0 is none, 4 is for ranking; 1 to 3 are mean, first and last token.
    is_embedder = values.get(f"{architecture}.pooling_type") in (1, 2, 3)
    return Header(trained, size_bytes, is_embedder)


def _read_values(data: mmap.mmap) -> dict[str, int | str]:
    """The keys whose values are a whole number or a string; all else is stepped over."""
    magic, version, _, keys = _START.unpack_from(data, 0)
    if magic != MAGIC or version not in VERSIONS or keys > MAX_KEYS:
        raise ValueError("not a header that is known here")
    values: dict[str, int | str] = {}
    at = _START.size
    for _ in range(keys):
        name, at = _read_string(data, at)
        (kind,) = _KIND.unpack_from(data, at)
        at += _KIND.size
        if kind == _STRING:
            values[name], at = _read_string(data, at)
        elif kind == _ARRAY:
            at = _step_over_array(data, at)
        else:
            number = _NUMBERS.get(kind)
            if number is None:
                raise ValueError("a kind of value that is not known here")
            (value,) = number.unpack_from(data, at)
            if isinstance(value, int):
                values[name] = value
            at += number.size
    return values


def _read_string(data: mmap.mmap, at: int) -> tuple[str, int]:
    (length,) = _LENGTH.unpack_from(data, at)
    begin = at + _LENGTH.size
    if length > len(data) - begin:
        raise ValueError("a string that is longer than its file")
    return data[begin : begin + length].decode("utf-8", "replace"), begin + length


def _step_over_array(data: mmap.mmap, at: int) -> int:
    kind, count = _ARRAY_HEAD.unpack_from(data, at)
    at += _ARRAY_HEAD.size
    if kind in _NUMBERS:
        return int(at + count * _NUMBERS[kind].size)
    if kind != _STRING or count > MAX_STRINGS:
        raise ValueError("an array that is not known here")
    unpack, size = _LENGTH.unpack_from, _LENGTH.size
    for _ in range(count):
        at += size + unpack(data, at)[0]
    return at
