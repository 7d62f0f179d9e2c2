"""The beginning of an upstream's reply, until it is known what it is: an answer, or a refusal.

Contract: made from the head, fed the body's pieces until it tells a kind; then ``body`` has all of
them, and it is let go. It holds no more than a refusal may have, or ``relay.sniff`` needs to see.
"""

from __future__ import annotations

from typing import Literal

from strictwire.net.error_replies import MAX_ERROR_BODY_BYTES
from strictwire.net.plan import Headers
from strictwire.relay.sniff import sniff

OpenedKind = Literal["stream", "object", "other", "refusal"]


class Opening:
    """``headers`` are the upstream's. ``other`` is an answer that is neither stream nor object."""

    __slots__ = ("_pieces", "_size_bytes", "headers", "status")

    def __init__(self, status: int, headers: Headers) -> None:
        self.status = status
        self.headers = headers
        self._pieces: list[bytes] = []
        self._size_bytes = 0

    @property
    def body(self) -> bytes:
        return b"".join(self._pieces)

    def feed(self, data: bytes) -> OpenedKind | None:
        """The kind, if this piece tells it."""
        self._pieces.append(data)
        self._size_bytes += len(data)
        if self.status != 200:
            # No refusal needs more than this to be told.
            return "refusal" if self._size_bytes > MAX_ERROR_BODY_BYTES else None
        # By its first bytes: the content type lies too often.
        body = self.body
        self._pieces = [body]
        return sniff(body, is_whole=False)

    def end(self) -> OpenedKind:
        """The kind of a body that has ended before it told one."""
        if self.status != 200:
            return "refusal"
        return sniff(self.body, is_whole=True) or "other"
