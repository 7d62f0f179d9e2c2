"""A value that must never be printed.

Contract: only ``reveal`` gives the text; ``repr``, ``str`` and ``format`` give ``***``, so a secret
that lands in a log line, an error or a printed ``Settings`` stays one. This hides the text from
people, not from code: memory and pickles hold it in the clear.
"""

from __future__ import annotations

import hmac
from typing import NoReturn, final

MASK = "***"


@final
class Secret:
    """An immutable secret text; equal to another secret of the same text."""

    __slots__ = ("_text",)
    _text: str

    def __init__(self, text: str) -> None:
        object.__setattr__(self, "_text", text)

    def reveal(self) -> str:
        """The text itself, for the one place that sends or compares it."""
        return self._text

    def matches(self, candidate: str) -> bool:
        """Whether ``candidate`` is this secret; how long that takes tells nothing of the text."""
        return hmac.compare_digest(_encoded(self._text), _encoded(candidate))

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.matches(other._text)

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a Secret has no attribute to set: {name}")

    def __reduce__(self) -> tuple[type[Secret], tuple[str]]:
        return Secret, (self._text,)  # worker processes get their settings pickled


def _encoded(text: str) -> bytes:
    # A header value decoded as latin-1 may hold anything, also what UTF-8 cannot encode.
    return text.encode("utf-8", "surrogatepass")
