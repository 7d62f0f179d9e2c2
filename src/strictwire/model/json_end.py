"""Where a JSON object ends, when its text comes in pieces.

Not a parser: it only follows brackets and strings, which is enough to know that the arguments of
a tool call are complete. What follows a complete object belongs to something else. Of the text
only a length and a checksum are kept, enough to know it when it comes again, however long it is.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

# Inside a string only a quote and a backslash matter, outside only quotes and brackets.
_IN_STRING = re.compile(r'["\\]')
_OUTSIDE = re.compile(r'["{}\[\]]')


@dataclass(slots=True)
class JsonEnd:
    """Fed the pieces of one object. ``is_complete`` once its last bracket closed."""

    depth: int = 0
    in_string: bool = False
    is_escaped: bool = False
    is_complete: bool = False
    size: int = 0
    checksum: int = 0

    def has_told(self, text: str) -> bool:
        """Whether this is all the text that came so far."""
        return self.size == len(text) and self.checksum == _checksum(text, 0)

    def feed(self, text: str) -> None:
        self.size += len(text)
        self.checksum = _checksum(text, self.checksum)
        self._follow(text)

    def _follow(self, text: str) -> None:
        position, size = 0, len(text)
        while position < size:
            if self.is_escaped:
                self.is_escaped = False
                position += 1
                continue
            pattern = _IN_STRING if self.in_string else _OUTSIDE
            match = pattern.search(text, position)
            if match is None:
                return
            position = match.end()
            self._step(match.group())

    def _step(self, mark: str) -> None:
        if self.in_string:
            if mark == "\\":
                self.is_escaped = True
            else:
                self.in_string = False
        elif mark == '"':
            self.in_string = True
        elif mark in "{[":
            self.depth += 1
        else:
            self.depth -= 1
            if self.depth <= 0:
                self.is_complete = True


def _checksum(text: str, before: int) -> int:
    return zlib.crc32(text.encode("utf-8", "surrogatepass"), before)
