"""The data of one frame that holds several JSON objects -> the bounds of each.

An object that is unfinished where an error object begins is left out: the error says why it is
(quirk 22). Source: docs/quirks.md, 21 and 22.
"""

from __future__ import annotations

import json
import re

_reader = json.JSONDecoder(strict=False)
_BLANK = re.compile(r"\s*")
_ERROR = re.compile(r'\{\s*"error"\s*:')
_DONE = "[DONE]"
# Places where an error may begin in what is broken: each try may read all that follows.
MAX_ERROR_PLACES = 8
# Objects of one frame; a few were seen.
MAX_OBJECTS = 4096

Bounds = tuple[int, int]


def objects_in(data: bytes) -> list[Bounds] | None:
    """The bounds of the objects and terminals, in bytes; None where the data is one thing, whole
    or broken. What is left unfinished is the last of them."""
    # JSON's own characters are ASCII, so places in this text are places in the bytes.
    text = data.decode("latin-1")
    bounds: list[Bounds] = []
    position = _after_blank(text, 0)
    while position < len(text) and len(bounds) < MAX_OBJECTS:
        end = _end_of(text, position)
        if end is None:
            break
        bounds.append((position, end))
        position = _after_blank(text, end)
    if position < len(text):
        bounds.append(_error_at_end(text, position) or (position, len(text.rstrip())))
    whole = [(_after_blank(text, 0), len(text.rstrip()))]
    return None if bounds == whole else bounds


def _after_blank(text: str, position: int) -> int:
    match = _BLANK.match(text, position)
    return match.end() if match else position


def _end_of(text: str, position: int) -> int | None:
    if text.startswith(_DONE, position):
        return position + len(_DONE)
    if text[position] != "{":
        return None
    try:
        return _reader.raw_decode(text, position)[1]
    except (ValueError, RecursionError):
        return None


def _error_at_end(text: str, position: int) -> Bounds | None:
    for match in list(_ERROR.finditer(text, position + 1))[-MAX_ERROR_PLACES:]:
        end = _end_of(text, match.start())
        if end is not None and text[end:].strip() in ("", _DONE):
            return match.start(), end
    return None
