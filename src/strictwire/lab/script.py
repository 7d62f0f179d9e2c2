"""What the lab says over one HTTP exchange: a head, pieces of body, and a way to end.

Pure data. A ``Reply`` may be as wrong as a real server's: the player sends its bytes unread.
"""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass

from strictwire.lab.playback import Body

JSON_TYPE = "application/json"
SSE_TYPE = "text/event-stream; charset=utf-8"


class Ending(enum.Enum):
    """What happens after the last piece."""

    CLEAN = "the message ends as its framing says"
    CUT = "the connection closes inside the message"
    RESET = "the connection is reset inside the message"
    HOLD = "the message stays open and silent until the client leaves"


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing for so many beats; a beat is the playback's pace."""

    beats: int


@dataclass(frozen=True, slots=True)
class Reply:
    """``body`` None of the framing means: chunked for event streams, a length for the rest.

    ``delay_beats`` pass before the head, as on a server that is busy with another prompt.
    """

    pieces: tuple[bytes | Silence, ...]
    status: int = 200
    content_type: str | None = SSE_TYPE
    headers: tuple[tuple[str, str], ...] = ()
    ending: Ending = Ending.CLEAN
    body: Body | None = None
    delay_beats: int = 0

    @property
    def frames(self) -> tuple[bytes, ...]:
        return tuple(piece for piece in self.pieces if isinstance(piece, bytes))

    @property
    def is_event_stream(self) -> bool:
        return (self.content_type or "").startswith("text/event-stream")


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
