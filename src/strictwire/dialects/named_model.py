"""The model that a request body names, found in its first bytes, whatever comes after them.

Contract: pure. ``find_model`` looks at the top level of a JSON object, or at the fields of a
multipart form (RFC 7578), and never needs the whole body. ``NamedModel.renamed`` puts another name
into the same bytes. What it does not find is None: the name may stand further on, or nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from strictwire.model.errors import CallerError

# Possessive, and an open string reaches to the end: see ``json_body``.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[{}\[\],:]', re.DOTALL)
_BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))', re.IGNORECASE)
_FIELD_NAME = re.compile(rb'[;\s]name="?model"?(?:[;\s]|$)', re.IGNORECASE)
_DISPOSITION = b"content-disposition:"


@dataclass(frozen=True, slots=True)
class NamedModel:
    """A name, and where its value stands: ``head[start:end]`` are the bytes that say it."""

    name: str
    start: int
    end: int
    is_json: bool

    def renamed(self, head: bytes, name: str) -> bytes:
        """The same bytes with another name."""
        value = msgspec.json.encode(name) if self.is_json else name.encode()
        return head[: self.start] + value + head[self.end :]


def find_model(content_type: str, head: bytes) -> NamedModel | None:
    """The model that a body which begins with ``head`` names.

    Raises ``CallerError`` 400 where it names two: servers differ in which they take.
    """
    if content_type.strip().lower().startswith("multipart/"):
        found = list(_in_form(content_type, head))
    elif head.lstrip()[:1] == b"{":
        found = list(_in_json(head))
    else:
        found = []
    if len(found) > 1:
        raise CallerError(
            "'model' stands twice in the request body.", param="model", code="invalid_value"
        )
    return found[0] if found else None


def _in_json(head: bytes) -> Iterator[NamedModel]:
    depth, key, is_value = 0, b"", False
    for match in _TOKEN.finditer(head):
        token = match.group()
        if depth == 1 and token[:1] == b'"':
            if is_value and key == b'"model"' and len(token) > 1 and token.endswith(b'"'):
                name = _text(token)
                if name is not None:
                    yield NamedModel(name, *match.span(), is_json=True)
            key = b"" if is_value else token
        elif token in (b"{", b"["):
            depth += 1
        elif token in (b"}", b"]"):
            depth -= 1
        if depth == 1:
            is_value = token == b":"


def _text(token: bytes) -> str | None:
    try:
        return msgspec.json.decode(token, type=str)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _in_form(content_type: str, head: bytes) -> Iterator[NamedModel]:
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        return
    delimiter = b"--" + (boundary[1] or boundary[2]).encode("latin-1", "replace")
    # Each part begins after a delimiter's line, and ends where the next delimiter's line begins.
    place = head.find(delimiter)
    while place >= 0:
        begin = head.find(b"\r\n\r\n", place)
        after = head.find(b"\r\n" + delimiter, begin)
        if begin < 0 or after < 0:
            return
        start = begin + 4
        if _is_model(head[place + len(delimiter) : begin]):
            name = head[start:after].decode("utf-8", "replace")
            yield NamedModel(name, start, after, is_json=False)
        place = after + 2


def _is_model(part_head: bytes) -> bool:
    lines = part_head.split(b"\r\n")
    return any(line.lower().startswith(_DISPOSITION) and _FIELD_NAME.search(line) for line in lines)
