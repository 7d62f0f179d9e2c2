"""What the lab says over one HTTP exchange: a head, pieces of body, and a way to end.

Pure data. A ``Reply`` may be as wrong as a real server's: the player sends its bytes unread.
"""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass
from typing import Any, assert_never

from strictwire.lab.playback import Body

Json = dict[str, Any]

JSON_TYPE = "application/json"
SSE_TYPE = "text/event-stream; charset=utf-8"


class Ending(enum.Enum):
    """What happens after the last piece."""

    CLEAN = "the message ends as its framing says"
    CUT = "the connection closes inside the message"
    RESET = "the connection is reset inside the message"
    HOLD = "the message stays open and silent until the client leaves"
    HALF_CLOSE = "our writing side ends inside the message; reading goes on until the client leaves"


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing for so many beats; a beat is the playback's pace."""

    beats: int


@dataclass(frozen=True, slots=True)
class Repeated:
    """The same bytes again and again, made while they are sent: a body may be longer than memory,
    or end only when the client leaves (``times`` None)."""

    data: bytes
    times: int | None = None


Piece = bytes | Silence | Repeated


@dataclass(frozen=True, slots=True)
class Reply:
    """``body`` None of the framing means: chunked for event streams, a length for the rest.

    ``delay_beats`` pass before the head, as on a server that is busy with another prompt.
    """

    pieces: tuple[Piece, ...]
    status: int = 200
    content_type: str | None = SSE_TYPE
    headers: tuple[tuple[str, str], ...] = ()
    ending: Ending = Ending.CLEAN
    body: Body | None = None
    delay_beats: int = 0

    @property
    def frames(self) -> tuple[bytes, ...]:
        """The bytes of the body, piece by piece; what is repeated stands there once."""
        parts = (piece.data if isinstance(piece, Repeated) else piece for piece in self.pieces)
        return tuple(part for part in parts if isinstance(part, bytes))

    @property
    def is_lazy(self) -> bool:
        """Whether ``frames`` are less than what is sent."""
        return any(isinstance(piece, Repeated) for piece in self.pieces)

    @property
    def size_bytes(self) -> int | None:
        """The length of the whole body; None where it has no end."""
        sizes = [_size_of(piece) for piece in self.pieces]
        return None if None in sizes else sum(size or 0 for size in sizes)

    @property
    def is_event_stream(self) -> bool:
        return (self.content_type or "").startswith("text/event-stream")


def _size_of(piece: Piece) -> int | None:
    match piece:
        case Silence():
            return 0
        case Repeated(data, times):
            return None if times is None else len(data) * times
        case bytes():
            return len(piece)
        case _:
            assert_never(piece)


def to_json(value: object) -> bytes:
    """Compact JSON in UTF-8. A lone surrogate, which UTF-8 cannot hold, becomes ``?``."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def json_reply(
    value: object, *, status: int = 200, headers: tuple[tuple[str, str], ...] = ()
) -> Reply:
    return Reply((to_json(value),), status=status, content_type=JSON_TYPE, headers=headers)


def error_value(
    message: str,
    *,
    type: str,  # noqa: A002 - the wire's own name
    code: str | int | None = None,
    param: str | None = None,
) -> dict[str, object]:
    """OpenAI's error object."""
    return {"error": {"message": message, "type": type, "param": param, "code": code}}
