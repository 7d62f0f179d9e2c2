"""The end of a reply, as a table: events in, and whether the end is a success, and which.

Source: the failure rules 3 and 4 of the design, in ARCHITECTURE.md.
"""

from __future__ import annotations

import itertools

import pytest

from strictwire.model.errors import PeerError
from strictwire.model.events import (
    Begun,
    Ended,
    Event,
    Extension,
    Failed,
    Finished,
    FinishReason,
    ReasoningDelta,
    RefusalDelta,
    RoleTold,
    TextDelta,
    ToolCallBegun,
    ToolCallDelta,
    UsageTold,
)
from strictwire.relay.ending import Ending

ROLE, TEXT, CALL = RoleTold(0, "assistant"), TextDelta(0, "a"), ToolCallBegun(0, 0, "c", "f")
ARGUMENTS = ToolCallDelta(0, 0, "{}")
BEGUN = Begun("x", 5, "m")
USAGE = UsageTold({"prompt_tokens": 3, "completion_tokens": 4})
ZEROS = UsageTold({"prompt_tokens": 0, "completion_tokens": 0})
MORE_USAGE = UsageTold({"prompt_tokens": 3, "completion_tokens": 9})
FAILED = Failed(PeerError("no"))


def stop(choice: int = 0, reason: FinishReason = "stop") -> Finished:
    return Finished(choice, reason)


def ended(
    events: list[Event], *, has_terminal: bool, needs_terminal: bool = True
) -> tuple[list[Event], list[Event], set[str]]:
    """What passed at once, what came at the end, and what had to be mended."""
    ending = Ending()
    passed = [kept for event in events for kept in ending.feed(event)]
    tail = list(ending.end(has_terminal=has_terminal, needs_terminal=needs_terminal))
    assert ending.is_over
    assert list(ending.end(has_terminal=True)) == [], "an end may come only once"
    assert list(ending.feed(TEXT)) == [], "nothing may follow an end"
    return passed, tail, ending.mended


# Name: what came, whether the terminal came, the tail, what was mended.
SUCCESSES: dict[str, tuple[list[Event], bool, list[Event], set[str]]] = {
    "healthy": ([ROLE, TEXT, stop()], True, [stop()], set()),
    "healthy with usage": ([ROLE, TEXT, stop(), USAGE], True, [stop(), USAGE], set()),
    "no terminal": ([ROLE, TEXT, stop()], False, [stop()], {"reply.done-missing"}),
    "usage and no terminal": (
        [TEXT, stop(), USAGE], False, [stop(), USAGE], {"reply.done-missing"},
    ),
    "no reason": ([TEXT], True, [stop()], {"reply.finish-inferred"}),
    "no reason, tools": (
        [CALL, ARGUMENTS], True, [stop(reason="tool_calls")], {"reply.finish-inferred"},
    ),
    "only a role": ([ROLE], True, [stop()], {"reply.finish-inferred"}),
    "only a finish": ([stop()], True, [stop()], set()),
    "only extra fields": ([Extension(0)], True, [stop()], {"reply.finish-inferred"}),
    "a reason before the content": ([stop(), TEXT, stop()], True, [stop()], {"reply.finish-early"}),
    "a reason cancelled, none after it": (
        [TEXT, stop(), TEXT], True, [stop()], {"reply.finish-early", "reply.finish-inferred"},
    ),
    "a reason before the tools": (
        [TEXT, stop(), CALL, stop(reason="tool_calls")], True, [stop(reason="tool_calls")],
        {"reply.finish-early"},
    ),
    "the last reason wins": (
        [TEXT, stop(), stop(reason="length")], True, [stop(reason="length")],
        {"reply.finish-early"},
    ),
    "the same reason twice": (
        [TEXT, stop(), stop()], True, [stop()], {"reply.finish-early"},
    ),
    "two choices, in order of index": (
        [TextDelta(1, "b"), TEXT, stop(1), stop()], True, [stop(), stop(1)], set(),
    ),
    "one of two without a reason": (
        [TextDelta(1, "b"), TEXT, stop()], True, [stop(), stop(1)], {"reply.finish-inferred"},
    ),
    "one choice's content does not cancel another's reason": (
        [TEXT, stop(), TextDelta(1, "b"), stop(1)], True, [stop(), stop(1)], set(),
    ),
    "usage twice, the last counts": (
        [USAGE, TEXT, stop(), MORE_USAGE], True, [stop(), MORE_USAGE], {"reply.usage-repeated"},
    ),
    "zeros never replace counts": (
        [TEXT, USAGE, stop(), ZEROS], True, [stop(), USAGE], {"reply.usage-repeated"},
    ),
    "usage before the end": (
        [TEXT, USAGE, stop()], True, [stop(), USAGE], {"reply.usage-repeated"},
    ),
    "counts replace zeros": (
        [ZEROS, TEXT, stop(), USAGE], True, [stop(), USAGE], {"reply.usage-repeated"},
    ),
}  # fmt: skip

# What came, whether the terminal came, the code of the error.
FAILURES: dict[str, tuple[list[Event], bool, str]] = {
    "nothing": ([], False, "upstream_empty_reply"),
    "only the terminal": ([], True, "upstream_empty_reply"),
    "only an envelope": ([BEGUN], True, "upstream_empty_reply"),
    "only usage": ([BEGUN, USAGE], True, "upstream_empty_reply"),
    "extra fields of no choice": ([Extension(None)], True, "upstream_empty_reply"),
    "a role": ([ROLE], False, "upstream_truncated"),
    "text": ([ROLE, TEXT], False, "upstream_truncated"),
    "text and usage": ([ROLE, TEXT, USAGE], False, "upstream_truncated"),
    "reasoning": ([ReasoningDelta(0, "a")], False, "upstream_truncated"),
    "a refusal": ([RefusalDelta(0, "a")], False, "upstream_truncated"),
    "tool calls begun": ([CALL, ARGUMENTS], False, "upstream_truncated"),
    "a reason that content cancelled": ([TEXT, stop(), TEXT], False, "upstream_truncated"),
    "one of two choices finished": (
        [TEXT, TextDelta(1, "b"), stop()], False, "upstream_truncated",
    ),
    "a finished choice and another's role": (
        [TEXT, stop(), RoleTold(1, "assistant")], False, "upstream_truncated",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("events", "has_terminal", "tail", "mended"), SUCCESSES.values(),
                         ids=SUCCESSES)  # fmt: skip
def test_a_reply_that_is_whole_ends_well(
    events: list[Event], has_terminal: bool, tail: list[Event], mended: set[str]
) -> None:
    passed, got, names = ended(events, has_terminal=has_terminal)
    assert got == [*tail, Ended()]
    assert names == mended
    held = (Finished, UsageTold)
    assert passed == [event for event in events if not isinstance(event, held)]


@pytest.mark.parametrize(("events", "has_terminal", "code"), FAILURES.values(), ids=FAILURES)
def test_a_reply_that_is_not_whole_never_ends_well(
    events: list[Event], has_terminal: bool, code: str
) -> None:
    _, tail, _ = ended(events, has_terminal=has_terminal)
    (only,) = tail
    assert isinstance(only, Failed)
    assert (only.error.status, only.error.code) == (502, code)


def test_an_object_needs_no_terminal() -> None:
    _, tail, mended = ended([TEXT, stop()], has_terminal=True, needs_terminal=False)
    assert (tail, mended) == ([stop(), Ended()], set())


@pytest.mark.parametrize("has_terminal", [True, False])
def test_nothing_follows_a_failure(has_terminal: bool) -> None:
    passed, tail, _ = ended([TEXT, stop(), FAILED, TEXT, USAGE, stop()], has_terminal=has_terminal)
    assert passed == [TEXT, FAILED]
    assert tail == []


@pytest.mark.parametrize(
    ("events", "is_lingering"),
    [
        ([], False),
        ([BEGUN], False),
        ([TEXT], False),
        ([TEXT, stop()], True),
        ([TEXT, stop(), USAGE], True),
        ([TEXT, stop(), TextDelta(1, "b")], False),
        ([TEXT, TextDelta(1, "b"), stop(), stop(1)], True),
        # A server that says stop before it means it: silence after it proves nothing.
        ([TEXT, stop(), TEXT], False),
        ([TEXT, stop(), TEXT, stop()], False),
        ([TEXT, stop(), FAILED], False),
    ],
)
def test_the_tail_is_waited_for_only_when_all_else_has_come(
    events: list[Event], is_lingering: bool
) -> None:
    ending = Ending()
    for event in events:
        list(ending.feed(event))
    assert ending.is_lingering is is_lingering


def test_every_short_reply_ends_in_one_way() -> None:
    """All orders of a few events: one end, never a failure and a success."""
    kinds: tuple[Event, ...] = (ROLE, TEXT, CALL, stop(), USAGE, FAILED)
    for size in range(5):
        for events in itertools.product(kinds, repeat=size):
            for has_terminal in (True, False):
                passed, tail, _ = ended(list(events), has_terminal=has_terminal)
                ends = [e for e in (*passed, *tail) if isinstance(e, Failed | Ended)]
                assert len(ends) == 1
                if isinstance(ends[0], Failed):
                    assert not any(isinstance(event, Finished | UsageTold) for event in tail)
