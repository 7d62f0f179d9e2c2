"""The shared values: what equality looks at, what a repaired chunk forgets, what errors show."""

from __future__ import annotations

import dataclasses
from typing import Any, get_args

import pytest

from strictwire.model import events as event_types
from strictwire.model.chunks import Chunk
from strictwire.model.errors import (
    CallerError,
    MisuseError,
    PeerError,
    StrictwireError,
    UpstreamTimeout,
    WireError,
)
from strictwire.model.events import (
    Begun,
    Ended,
    Extension,
    Extra,
    Failed,
    Finished,
    Native,
    Progressed,
    ReasoningDelta,
    RefusalDelta,
    RoleTold,
    Sealed,
    Separated,
    TextDelta,
    ToolCallBegun,
    ToolCallDelta,
    UsageTold,
    is_meaningful,
)
from strictwire.model.frames import Comment, Frame, Malformed
from strictwire.model.request import Promise

FROZEN: list[Any] = [
    Chunk({}), Frame(b""), Comment(b""), Malformed(b"", ""), Extra(), Begun(), TextDelta(0, "a"),
    Promise(id="x", created=1, model="m"),
]  # fmt: skip


@pytest.mark.parametrize("value", FROZEN, ids=lambda value: type(value).__name__)
def test_values_are_frozen_and_small(value: Any) -> None:
    field = dataclasses.fields(value)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, field, getattr(value, field))
    assert not hasattr(value, "__dict__")


def test_a_repaired_chunk_has_no_raw_bytes() -> None:
    """Else the wrong bytes would pass as they came."""
    chunk = Chunk({"a": 1}, raw=b'{"a":1}', event="x")
    repaired = chunk.repaired({"a": 2})
    assert (repaired.value, repaired.raw, repaired.event) == ({"a": 2}, b"", "x")


def test_where_a_thing_came_from_takes_no_part_in_equality() -> None:
    assert Frame(b"a", raw=b"data: a\n\n") == Frame(b"a")
    assert Chunk({"a": 1}, raw=b"{}") == Chunk({"a": 1})
    assert TextDelta(0, "a", source=Chunk({})) == TextDelta(0, "a")
    assert TextDelta(0, "a", extra=Extra({"x": 1})) != TextDelta(0, "a")


def test_every_event_is_meaningful_or_is_not() -> None:
    """What forbids a retry: content and finishes, and nothing else."""
    meaningful = (
        TextDelta(0, "a"), ReasoningDelta(0, "a"), Sealed(0, "a"), RefusalDelta(0, "a"),
        ToolCallBegun(0, 0, "c", "f"), ToolCallDelta(0, 0, "{}"), Finished(0, "stop"),
        Native("responses", {"type": "response.web_search_call.searching"}),
    )  # fmt: skip
    others = (
        Begun("x"), RoleTold(0, "assistant"), Separated(0), Extension(0), UsageTold({}),
        Progressed(1, 0, 1), Failed(PeerError("no")), Ended(),
        Native("responses", {"type": "response.in_progress"}, is_answer=False),
    )  # fmt: skip
    assert all(map(is_meaningful, meaningful))
    assert not any(map(is_meaningful, others))
    kinds = {type(event) for event in (*meaningful, *others)}
    assert kinds == set(get_args(event_types.Event))


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (CallerError("no"), 400, "invalid_request_error"),
        (PeerError("no"), 502, "upstream_error"),
        (UpstreamTimeout("no"), 504, "timeout_error"),
        (PeerError("no", status=429, type="rate_limit_error"), 429, "rate_limit_error"),
        (WireError("no"), 500, "server_error"),
    ],
)
def test_an_error_says_who_broke_the_rules(error: WireError, status: int, kind: str) -> None:
    assert (error.status, error.type, error.message) == (status, kind, "no")
    assert isinstance(error, StrictwireError)
    # One error's status is its own.
    assert (CallerError.status, PeerError.status) == (400, 502)


def test_misuse_is_nothing_to_tell_a_client() -> None:
    assert not issubclass(MisuseError, WireError)
