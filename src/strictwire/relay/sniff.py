"""What a 200 reply's body is, by its first bytes.

The content type lies too often to ask it (quirks 13 to 17).
"""

from __future__ import annotations

import re
from typing import Literal

BodyKind = Literal["stream", "object", "other"]

_BOM = b"\xef\xbb\xbf"
_FIELDS = (b"data", b"event", b"id", b"retry")
# A field's name ends at a colon or with its line: "database" is no event stream.
_FIELD = re.compile(rb"(?:%b)[:\r\n]" % b"|".join(_FIELDS))

# Blank lines may precede a JSON body as keepalives (quirk 5), so they decide nothing; but a body
# that holds nothing else is nonsense at some point.
MAX_BLANK_BYTES = 64 * 1024


def sniff(head: bytes, *, is_whole: bool) -> BodyKind | None:
    """The kind of a body that begins like this, or None if more bytes are needed.

    ``is_whole`` says that nothing more will come. An empty body is "other".
    """
    if not is_whole and len(head) < len(_BOM) and _BOM.startswith(head):
        return None
    text = head.removeprefix(_BOM).lstrip(b" \t\r\n")
    if not text:
        is_hopeless = is_whole or len(head) > MAX_BLANK_BYTES
        return "other" if is_hopeless else None
    if text[:1] in (b"{", b"["):
        return "object"
    if text[:1] == b":":
        return "stream"
    if _FIELD.match(text):
        return "stream"
    if not is_whole and any(field.startswith(text) for field in _FIELDS):
        return None
    return "stream" if text in _FIELDS else "other"
