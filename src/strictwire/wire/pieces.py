"""What every decoder of a body does with the pieces in which it comes: its beginning, its bound."""

from __future__ import annotations

from strictwire.model.errors import PeerError

_BOM = b"\xef\xbb\xbf"


def without_bom(held: bytearray, chunk: bytes) -> bytes | None:
    """The body's beginning without its one byte order mark, however that was cut. None while it
    may still be one: then ``held`` has all of it, and is looked at again with the next chunk."""
    head = bytes(held) + chunk
    held.clear()
    if len(head) < len(_BOM) and _BOM.startswith(head):
        held += head
        return None
    return head.removeprefix(_BOM)


def too_large(what: str, limit_bytes: int) -> PeerError:
    """``what`` is the dialect of the wire's word for one unit: an event, a line."""
    return PeerError(
        f"The upstream sent one {what} of more than {limit_bytes} bytes.",
        code="upstream_frame_too_large",
    )
