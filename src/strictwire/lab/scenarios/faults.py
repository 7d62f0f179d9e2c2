"""Bodies that are no reply: noise, pages, lines without end, frames that fill the memory, nothing.

What can go wrong with any reply at any place (cut, reset, stall, a wrong type, an encoding) is no
scenario but a way to play one: see ``playback``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from strictwire.lab.ask import Ask
from strictwire.lab.scenarios.early_errors import HTML
from strictwire.lab.scenarios.errors import EARLY, LATE, PIECES_BEFORE, broken_off
from strictwire.lab.scenarios.scenario import Scenario, always
from strictwire.lab.scenarios.strict import DONE, comment
from strictwire.lab.script import JSON_TYPE, Piece, Repeated, Reply

# Every byte there is, in an order that makes neither lines nor UTF-8; the same each time.
NOISE = bytes((number * 167 + 13) % 256 for number in range(2048))
# More than any bound that a reader of one event may sensibly have; sent in pieces, never held.
HUGE_BYTES = 20 * 1024 * 1024
_BLOCK = b"x" * (16 * 1024)
_HUGE = Repeated(_BLOCK, HUGE_BYTES // len(_BLOCK))
_ENDLESS = Repeated(_BLOCK)
# Lines that are no field of an event stream are taken out, whatever they say.
_STRAY = ("sse.bare-json",)


def _late(
    name: str,
    title: str,
    tail: Callable[[Ask], tuple[Piece, ...]],
    *,
    faults: tuple[str, ...],
    **more: object,
) -> Scenario:
    """Some text, then what is no part of a reply; the same where one object was asked for."""
    more["whole_faults"] = ("bridge.stream-for-object", *faults)
    return _with(
        Scenario(
            name=name,
            title=title,
            faults=faults,
            stream=broken_off(tail),
            whole=broken_off(tail),
            failure=LATE,
            whole_failure=EARLY,
            pieces_before_failure=PIECES_BEFORE,
        ),
        more,
    )


def _first(name: str, title: str, stream: Reply, whole: Reply, **more: object) -> Scenario:
    """Nothing but what is no reply."""
    return _with(
        Scenario(
            name=name,
            title=title,
            stream=always(stream),
            whole=always(whole),
            failure=EARLY,
            whole_failure=EARLY,
        ),
        more,
    )


def _with(row: Scenario, more: dict[str, object]) -> Scenario:
    return replace(row, **more)  # type: ignore[arg-type]


ROWS = (
    _first(
        "empty-200",
        "200 with an empty body",
        Reply(()),
        Reply((), content_type=JSON_TYPE),
        quirks=(18,),
        faults=("reply.empty",),
        whole_faults=("reply.empty",),
    ),
    _first(
        "blank-200",
        "200 with nothing but blank lines",
        Reply((b"\n", b"\n\n")),
        Reply((b"\n\n",), content_type=JSON_TYPE),
        quirks=(18,),
        faults=("reply.empty",),
        whole_faults=("reply.empty",),
    ),
    _first(
        "comments-only",
        "Comments, and then the end",
        Reply((comment("keep-alive"),) * 2),
        Reply((comment("keep-alive"),) * 2),
        quirks=(4, 18),
        faults=("reply.empty",),
        whole_faults=("bridge.stream-for-object", "reply.empty"),
    ),
    _first(
        "done-only",
        "Nothing but [DONE]",
        Reply((DONE,)),
        Reply((DONE,)),
        quirks=(18,),
        faults=("reply.empty",),
        whole_faults=("bridge.stream-for-object", "reply.empty"),
    ),
    _first(
        "html-200",
        "200 with an HTML page",
        Reply((HTML,), content_type="text/html"),
        Reply((HTML,), content_type="text/html"),
        quirks=(71,),
        faults=("bridge.not-a-reply",),
        whole_faults=("bridge.not-a-reply",),
    ),
    _first(
        "html-as-stream",
        "An HTML page labelled as a stream",
        Reply((HTML,)),
        Reply((HTML,), content_type=JSON_TYPE),
        quirks=(71,),
        faults=("bridge.not-a-reply",),
        whole_faults=("bridge.not-a-reply",),
    ),
    _first(
        "garbage",
        "Noise labelled as a stream",
        Reply((NOISE,)),
        Reply((NOISE,), content_type=JSON_TYPE),
        faults=("bridge.not-a-reply",),
        whole_faults=("bridge.not-a-reply",),
    ),
    _late(
        "garbage-late",
        "Some text, then noise",
        lambda ask: (NOISE,),
        rules=_STRAY,
        whole_rules=_STRAY,
        faults=("reply.truncated", "sse.empty-block", "sse.line-ends"),
    ),
    _late(
        "html-late",
        "Some text, then an HTML page",
        lambda ask: (HTML,),
        rules=_STRAY,
        whole_rules=_STRAY,
        quirks=(71,),
        faults=("reply.truncated", "sse.line-ends"),
    ),
    _late(
        "huge-frame",
        "Some text, then one event of 20 MiB",
        lambda ask: (b'data: {"choices":[{"index":0,"delta":{"content":"', _HUGE),
        faults=("reply.truncated", "sse.unended-block"),
    ),
    _late(
        "endless-line",
        "Some text, then a line that never ends",
        lambda ask: (b"data: ", _ENDLESS),
        faults=("reply.truncated", "sse.unended-block"),
    ),
    _late(
        "endless-comment",
        "Some text, then a comment that never ends",
        lambda ask: (b": ", _ENDLESS),
        faults=("reply.truncated", "sse.comment", "sse.unended-block"),
    ),
)
