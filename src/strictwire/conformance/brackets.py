"""Whether the arguments of a call, told in pieces, are a complete JSON object by now.

It follows strings and brackets only, and keeps no text: a length and a digest are enough to know
the same text when it comes again.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

_IN_STRING = re.compile(r'["\\]')
_OUTSIDE = re.compile(r'["{}\[\]]')


class Brackets:
    __slots__ = ("_depth", "_digest", "_in_string", "_is_escaped", "is_complete", "size")

    def __init__(self) -> None:
        self.size = 0
        self.is_complete = False
        self._depth = 0
        self._in_string = False
        self._is_escaped = False
        self._digest: Any = None

    def is_all(self, text: str) -> bool:
        """Whether this is exactly what was told so far."""
        if len(text) != self.size or self._digest is None:
            return False
        return bool(_digest_of(text).digest() == self._digest.digest())

    def feed(self, text: str) -> None:
        self.size += len(text)
        if self._digest is None:
            self._digest = _digest_of("")
        self._digest.update(text.encode("utf-8", "surrogatepass"))
        self._follow(text)

    def _follow(self, text: str) -> None:
        position = 0
        while position < len(text):
            if self._is_escaped:
                self._is_escaped = False
                position += 1
                continue
            match = (_IN_STRING if self._in_string else _OUTSIDE).search(text, position)
            if match is None:
                return
            position = match.end()
            self._step(match.group())

    def _step(self, mark: str) -> None:
        if mark == "\\":
            self._is_escaped = True
        elif mark == '"':
            self._in_string = not self._in_string
        else:
            self._depth += 1 if mark in "{[" else -1
            self.is_complete = self.is_complete or self._depth <= 0


def _digest_of(text: str) -> Any:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16)
