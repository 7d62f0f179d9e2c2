"""What was said of a text so far, where a server tells the whole of it again each time.

Contract: ``more`` takes a text and returns what is new in it. Of what was said only a length and
a checksum are kept, enough to know it when it comes again, however long it is. A text that does
not go on with what was said is new as a whole: then the server tells pieces after all.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass


@dataclass(slots=True)
class Said:
    size: int = 0
    checksum: int = 0

    def more(self, text: str) -> str:
        """What is new in a text that should begin with all that was said."""
        size = self.size
        if size and (len(text) < size or _checksum(text[:size], 0) != self.checksum):
            size = 0
        new = text[size:] if size else text
        self.add(new)
        return new

    def add(self, piece: str) -> None:
        """A piece was said that is no repetition."""
        self.size += len(piece)
        self.checksum = _checksum(piece, self.checksum)


def _checksum(text: str, before: int) -> int:
    return zlib.crc32(text.encode("utf-8", "surrogatepass"), before)
