"""Recorded HTTP replies: a file's raw bytes (head and body as they came) -> a ``Reply`` to play.

The recorded pieces are kept: each HTTP chunk, or each block of an undelimited stream, is one piece
again. What belongs to one recording's connection (date, framing) is left to the player.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from strictwire.lab.playback import Body
from strictwire.lab.script import Ending, Reply
from strictwire.model.errors import CallerError, MisuseError

RECORDING_PREFIX = "recording:"
_FRAMING_HEADERS = frozenset(
    ("connection", "content-length", "content-type", "date", "keep-alive", "transfer-encoding")
)


@dataclass(frozen=True, slots=True)
class Recording:
    """``reply`` plays it; ``body`` is the whole body, without its framing."""

    reply: Reply

    @property
    def body(self) -> bytes:
        return b"".join(self.reply.frames)

    @classmethod
    def parse(cls, data: bytes) -> Recording:
        """Raises ``MisuseError`` if the file is no recorded HTTP reply."""
        head, separator, body = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        version, _, rest = lines[0].partition(" ")
        if not separator or not version.startswith("HTTP/1.") or not rest[:3].isdigit():
            raise MisuseError("the file is not a recorded HTTP/1 reply")
        headers = [_header(line) for line in lines[1:]]
        by_name = dict(headers)
        framing = _framing(version, by_name)
        pieces, ending = _pieces(body, framing, by_name)
        reply = Reply(
            tuple(pieces),
            status=int(rest[:3]),
            content_type=by_name.get("content-type"),
            headers=tuple((name, value) for name, value in headers if _is_told(name, value)),
            ending=ending,
            body=framing,
        )
        return cls(reply)


def recordings_in(folder: Path) -> dict[str, Path]:
    """The recorded replies (``*.http``) of a folder and its folders, by their names for
    ``LabServer``: where they lie in it, without their ending."""
    found = sorted(folder.rglob("*.http"))
    return {path.relative_to(folder).with_suffix("").as_posix(): path for path in found}


def checked_recordings(folder: Path) -> dict[str, Path]:
    """As ``recordings_in``. Raises ``CallerError`` where a file is no recording, or none is there,
    and ``OSError`` where one cannot be read."""
    if not folder.is_dir():
        raise CallerError(f"{folder} is no folder")
    found = recordings_in(folder)
    if not found:
        raise CallerError(f"{folder} holds no recordings (files named *.http)")
    for path in found.values():
        try:
            Recording.parse(path.read_bytes())
        except MisuseError as error:
            raise CallerError(f"{path}: {error}") from error
    return found


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip().lower(), value.strip()


def _is_told(name: str, value: str) -> bool:
    return bool(value) and name not in _FRAMING_HEADERS


def _framing(version: str, headers: dict[str, str]) -> Body:
    if version == "HTTP/1.0":
        return "http1.0"
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return "chunked"
    return "length" if "content-length" in headers else "close"


def _pieces(body: bytes, framing: Body, headers: dict[str, str]) -> tuple[list[bytes], Ending]:
    if framing == "chunked":
        return _dechunked(body)
    if headers.get("content-type", "").startswith("text/event-stream"):
        return list(_blocks(body)), Ending.CLEAN
    return ([body] if body else []), Ending.CLEAN


def _dechunked(body: bytes) -> tuple[list[bytes], Ending]:
    """The chunks, and CUT where the last one is missing or short."""
    chunks: list[bytes] = []
    rest = body
    while rest:
        line, _, rest = rest.partition(b"\r\n")
        size = _chunk_size(line)
        if size == 0:
            return chunks, Ending.CLEAN
        chunks.append(rest[:size])
        if len(rest) < size:
            break
        rest = rest[size + 2 :]
    return chunks, Ending.CUT


def _chunk_size(line: bytes) -> int:
    try:
        return int(line.split(b";", 1)[0], 16)
    except ValueError as error:
        raise MisuseError("the recording's chunked body is broken") from error


def _blocks(body: bytes) -> Iterator[bytes]:
    """Server-sent blocks, each with the blank line that ends it."""
    while body:
        block, separator, body = body.partition(b"\n\n")
        yield block + separator
