"""A recorded HTTP reply, head and framing included -> its body.

Contract: what does not begin like one is a body already. Chunked framing and ``content-length`` are
undone; a body that was cut short is given as far as it came. Recorders that show the head and undo
the framing or the compression themselves (``curl -i``) are understood. Nothing is decompressed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from strictwire.model.errors import CallerError

_START = re.compile(rb"HTTP/[123]")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
# How a body begins that is compressed no more: an event stream, an object, or blanks before it.
_PLAIN_START = re.compile(rb"\s|\{|:|data|event|id:|retry")
_CHUNK_START = re.compile(rb"\s*[0-9A-Fa-f]+\s*(;[^\r\n]*)?\r\n")
_COMPRESSED = "gzip", "deflate", "br", "zstd", "compress"


@dataclass(frozen=True, slots=True)
class HttpReply:
    status: int
    body: bytes


def unframed(data: bytes) -> HttpReply | None:
    """The reply, or None where the bytes are none. Raises CallerError for one that is broken."""
    if not _START.match(data):
        return None
    end = _HEAD_END.search(data)
    lines = data[: end.start() if end else 0].decode("latin-1").splitlines()
    status = lines[0].split(" ")[1:2] if lines else []
    if end is None or not status or not status[0].isdigit():
        raise CallerError("The file begins like an HTTP reply, but its head is broken.")
    body = data[end.end() :]
    headers = dict(_header(line) for line in lines[1:])
    coding = headers.get("content-encoding", "")
    if any(name in coding for name in _COMPRESSED) and not _PLAIN_START.match(body):
        raise CallerError(f"The reply's body is compressed ({coding}); give it uncompressed.")
    if "chunked" in headers.get("transfer-encoding", ""):
        body = _dechunked(body) if _is_chunked(body) else body
    elif headers.get("content-length", "").isdigit():
        body = body[: int(headers["content-length"])]
    return HttpReply(int(status[0]), body)


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip().lower(), value.strip().lower()


def _is_chunked(body: bytes) -> bool:
    """Whether the framing is still there: no reply begins like the size of a chunk."""
    return _CHUNK_START.match(body) is not None or not _PLAIN_START.match(body)


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
