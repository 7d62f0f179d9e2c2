"""A recorded HTTP/1 reply, head and framing included -> its body.

Contract: what does not begin like one is a body already. Chunked framing and ``content-length`` are
undone; a body that was cut short is given as far as it came. Nothing is decompressed.
"""

from __future__ import annotations

from dataclasses import dataclass

from strictwire.model.errors import CallerError

_START = b"HTTP/1."
_HEAD_END = b"\r\n\r\n"
_COMPRESSED = "gzip", "deflate", "br", "zstd", "compress"


@dataclass(frozen=True, slots=True)
class HttpReply:
    status: int
    content_type: str
    body: bytes


def unframed(data: bytes) -> HttpReply | None:
    """The reply, or None where the bytes are none. Raises CallerError for one that is broken."""
    if not data.startswith(_START):
        return None
    head, end, body = data.partition(_HEAD_END)
    lines = head.decode("latin-1").split("\r\n")
    status = lines[0].split(" ")[1:2]
    if not end or not status or not status[0].isdigit():
        raise CallerError("The file begins like an HTTP reply, but its head is broken.")
    headers = dict(_header(line) for line in lines[1:])
    coding = headers.get("content-encoding", "")
    if any(name in coding for name in _COMPRESSED):
        raise CallerError(f"The reply's body is compressed ({coding}); give it uncompressed.")
    if "chunked" in headers.get("transfer-encoding", ""):
        body = _dechunked(body)
    elif headers.get("content-length", "").isdigit():
        body = body[: int(headers["content-length"])]
    return HttpReply(int(status[0]), headers.get("content-type", ""), body)


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip().lower(), value.strip().lower()


def _dechunked(body: bytes) -> bytes:
    pieces: list[bytes] = []
    position = 0
    while position < len(body):
        line_end = body.find(b"\r\n", position)
        line = body[position : line_end if line_end >= 0 else len(body)]
        size = _chunk_size(line)
        if size == 0 or line_end < 0:
            break
        pieces.append(body[line_end + 2 : line_end + 2 + size])
        position = line_end + 2 + size + 2
    return b"".join(pieces)


def _chunk_size(line: bytes) -> int:
    digits = line.split(b";", 1)[0].strip()
    # A size of more digits than this is no size of anything that lies in memory.
    if not digits or len(digits) > 12 or digits.strip(b"0123456789abcdefABCDEF"):
        raise CallerError("The reply's chunked framing is broken.")
    return int(digits, 16)
