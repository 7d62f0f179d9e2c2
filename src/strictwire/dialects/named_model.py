"""The model that a request body names, found in its first bytes, whatever comes after them.

Contract: pure. ``find_model`` looks at the top level of a JSON object, or at the fields of a
multipart form (RFC 7578), and never needs the whole body. ``NamedModel.renamed`` puts another name
into the same bytes. What it does not find is None: the name may stand further on, or nowhere.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from strictwire.model.errors import CallerError

# Possessive, and an open string reaches to the end: see ``json_body``.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[{}\[\],:]', re.DOTALL)
# One parameter of a header (RFC 9110, 5.6.6): what looks like another inside quotes is none.
_PARAMETER = re.compile(r';\s*([^\s=;"]+)=(?:"((?:[^"\\]|\\.)*+)"|([^\s;"]*))', re.DOTALL)
_DISPOSITION = "content-disposition:"
_FOLD = re.compile(r"\r\n[ \t]+")
# Longer ones are not allowed (RFC 2046, 5.1.1).
_MAX_BOUNDARY_CHARACTERS = 70


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
            if is_value and _text(key) == "model":
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
    boundary = _parameters(content_type).get("boundary", "")
    if not 0 < len(boundary) <= _MAX_BOUNDARY_CHARACTERS:
        return
    # A whole line: what only begins like it is content (RFC 2046, 5.1.1).
    line = rb"(?:\A|\r\n)--" + re.escape(boundary.encode("latin-1", "replace"))
    delimiters = re.finditer(line + rb"(?:(?P<last>--)|(?=[ \t]*\r\n))", head)
    for one, other in itertools.pairwise(delimiters):
        if one["last"]:
            return  # what follows is no part
        begin = head.find(b"\r\n\r\n", one.end(), other.start())
        if begin >= 0 and _is_model(head[one.end() : begin]):
            start, end = begin + 4, other.start()
            name = head[start:end].decode("utf-8", "replace")
            yield NamedModel(name, start, end, is_json=False)


def _is_model(part_head: bytes) -> bool:
    for line in _FOLD.sub(" ", part_head.decode("latin-1")).split("\r\n"):
        if line.lower().startswith(_DISPOSITION):
            return _parameters(line).get("name", "").lower() == "model"
    return False


def _parameters(value: str) -> dict[str, str]:
    """A header's parameters, names in lower case; of a repeated one the first."""
    found: dict[str, str] = {}
    for name, quoted, bare in _PARAMETER.findall(value):
        found.setdefault(name.lower(), re.sub(r"\\(.)", r"\1", quoted) or bare)
    return found
