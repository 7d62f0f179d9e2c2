"""The stream's bytes: line ends, comments, terminals, and data that is no chunk.

Several are legal server-sent events that careless parsers lose; they name no rule.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable

from strictwire.lab.scenarios.scenario import Scenario, frames_by
from strictwire.lab.scenarios.strict import DONE, comment
from strictwire.lab.script import Ending

Frames = tuple[bytes, ...]

_FOREIGN_DATA = (
    b"data: null\n\n",
    b"data: ping\n\n",
    b"data: 42\n\n",
    b"data: []\n\n",
    b'data: "text"\n\n',
    b"event: ping\ndata: {}\n\n",
    b"event: heartbeat\ndata: 2\n\n",
)
_COMMENTS = (
    comment("OPENROUTER PROCESSING"),
    comment("keep-alive"),
    comment(""),
    b": one line, no blank line after it\n",
    b":\n:\n\n",
)
_WRAPPED_COMMENTS = (b"data: : OPENROUTER PROCESSING\n\n", b"data: : keep-alive\n\n")


def _between(strangers: Frames) -> Callable[[Frames], Frames]:
    """Strangers, one before each frame, over and over."""

    def mixed(frames: Frames) -> Frames:
        pairs = zip(itertools.cycle(strangers), frames, strict=False)
        return tuple(piece for pair in pairs for piece in pair)

    return mixed


def _each(change: Callable[[bytes], bytes]) -> Callable[[Frames], Frames]:
    return lambda frames: tuple(map(change, frames))


def _many_lines(frame: bytes) -> bytes:
    """The same JSON printed over many ``data:`` lines, which a parser joins with LF."""
    if frame == DONE:
        return frame
    value = json.loads(frame.removeprefix(b"data: "))
    lines = json.dumps(value, indent=2, ensure_ascii=False).split("\n")
    return "".join(f"data: {line}\n" for line in lines).encode() + b"\n"


def _cut_characters(frames: Frames) -> Frames:
    """Cut behind the first byte of every character that has several."""
    data = b"".join(frames)
    cuts = [at + 1 for at, byte in enumerate(data) if byte >= 0xC0]
    bounds = [0, *cuts, len(data)]
    return tuple(data[start:end] for start, end in itertools.pairwise(bounds))


def _with_fields(frames: Frames) -> Frames:
    """``id``, ``retry`` and unknown fields, which a client may ignore."""
    return tuple(
        b"id: %d\nretry: 3000\nx-trace: t\n" % number + frame for number, frame in enumerate(frames)
    )


ROWS = (
    Scenario(
        name="no-space",
        title="No space after data:",
        faults=("sse.space-after-colon",),
        quirks=(1,),
        stream=frames_by(_each(lambda frame: frame.replace(b"data: ", b"data:", 1))),
    ),
    Scenario(
        name="crlf",
        title="Lines end in CRLF",
        faults=("sse.line-ends",),
        quirks=(2,),
        stream=frames_by(_each(lambda frame: frame.replace(b"\n", b"\r\n"))),
    ),
    Scenario(
        name="bare-cr",
        title="Lines end in CR alone",
        faults=("sse.line-ends",),
        quirks=(3,),
        stream=frames_by(_each(lambda frame: frame.replace(b"\n", b"\r"))),
    ),
    Scenario(
        name="crlf-done-lf",
        title="Lines end in CRLF, but [DONE] in LF",
        faults=("sse.line-ends",),
        quirks=(95,),
        stream=frames_by(
            lambda frames: (*(f.replace(b"\n", b"\r\n") for f in frames[:-1]), frames[-1])
        ),
    ),
    Scenario(
        name="comments",
        title="Comments between the chunks",
        faults=("sse.comment",),
        quirks=(4, 5, 6),
        stream=frames_by(_between(_COMMENTS)),
    ),
    Scenario(
        name="comment-as-data",
        title="Comments that a proxy wrapped as data",
        rules=("sse.comment-as-data",),
        quirks=(7,),
        stream=frames_by(_between(_WRAPPED_COMMENTS)),
    ),
    Scenario(
        name="sse-fields",
        title="id, retry and unknown fields in every block",
        rules=("sse.bare-json",),
        faults=("sse.event-id", "sse.retry-field"),
        quirks=(8,),
        stream=frames_by(_with_fields),
    ),
    Scenario(
        name="done-missing",
        title="The stream ends after the finish reason, without [DONE]",
        rules=("reply.done-missing",),
        quirks=(10,),
        stream=frames_by(lambda frames: frames[:-1]),
    ),
    Scenario(
        name="done-without-brackets",
        title="data: DONE",
        rules=("sse.done-spelling",),
        quirks=(11,),
        stream=frames_by(lambda frames: (*frames[:-1], b"data: DONE\n\n")),
    ),
    Scenario(
        name="done-then-open-socket",
        title="[DONE], and the socket stays open",
        quirks=(11,),
        stream=frames_by(lambda frames: frames, ending=Ending.HOLD),
    ),
    Scenario(
        name="finish-then-open-socket",
        title="A finish reason, no [DONE], and the socket stays open",
        rules=("reply.done-missing",),
        quirks=(10, 11),
        stream=frames_by(lambda frames: frames[:-1], ending=Ending.HOLD),
    ),
    Scenario(
        name="content-type-missing",
        title="A stream without a content type",
        quirks=(13,),
        stream=frames_by(lambda frames: frames, content_type=None),
    ),
    Scenario(
        name="foreign-events",
        title="Data that is no JSON object: null, ping, numbers, empty events",
        rules=(
            "sse.foreign-event",
            "chat.foreign-frame",
        ),
        faults=("sse.event-name",),
        quirks=(19,),
        stream=frames_by(_between(_FOREIGN_DATA)),
    ),
    Scenario(
        name="utf8-split",
        title="Reads that end inside a character",
        quirks=(20,),
        stream=frames_by(_cut_characters),
    ),
    Scenario(
        name="frames-joined",
        title="The whole stream in one read",
        quirks=(21, 24),
        stream=frames_by(lambda frames: (b"".join(frames),)),
    ),
    Scenario(
        name="many-data-lines",
        title="One JSON object over many data: lines",
        faults=("sse.data-lines",),
        quirks=(21,),
        stream=frames_by(_each(_many_lines)),
    ),
    Scenario(
        name="byte-order-mark",
        title="A byte order mark before the first block",
        faults=("sse.byte-order-mark",),
        quirks=(93,),
        stream=frames_by(lambda frames: (b"\xef\xbb\xbf" + frames[0], *frames[1:])),
    ),
)
