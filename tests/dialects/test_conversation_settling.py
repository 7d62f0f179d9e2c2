"""Tool calls and their results in the order that every server takes, and ids that fit."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strictwire.dialects.settling import (
    NO_RESULT,
    FittedNames,
    errors_in_words,
    fitting,
    settled,
)
from strictwire.model.conversation import Part, Text, ToolCall, ToolResult, Turn
from yardstick import TWICE, lines_run


def said(*ids: str) -> Turn:
    return Turn("assistant", tuple(ToolCall(one, "f", "{}") for one in ids))


def came(*ids: str, text: str = "") -> Turn:
    return Turn("tool", tuple(ToolResult(one, (Text(text or f"of {one}"),)) for one in ids))


USER = Turn("user", (Text("go on"),))


def brief(turns: tuple[Turn, ...]) -> list[str]:
    """Each turn's role and what is in it."""
    return [f"{turn.role}: {', '.join(map(_brief, turn.parts))}" for turn in turns]


def _brief(part: Part) -> str:
    if isinstance(part, ToolCall):
        return part.id
    if isinstance(part, ToolResult):
        texts = [one.text for one in part.parts if isinstance(one, Text)]
        return f"{part.call_id}={'/'.join(texts)}"
    return part.text if isinstance(part, Text) else "?"


ORDERS = {
    "in order": ((said("a", "b"), came("a", "b")), ["assistant: a, b", "tool: a=of a, b=of b"]),
    "one by one": (
        (said("a", "b"), came("a"), came("b")),
        ["assistant: a, b", "tool: a=of a, b=of b"],
    ),
    "turned round": (
        (said("a", "b"), came("b", "a")),
        ["assistant: a, b", "tool: a=of a, b=of b"],
    ),
    "a user between": (
        (said("a"), USER, came("a")),
        ["assistant: a", "tool: a=of a", "user: go on"],
    ),
    "none": ((said("a"), USER), ["assistant: a", f"tool: a={NO_RESULT}", "user: go on"]),
    "none at the end": ((said("a"),), ["assistant: a", f"tool: a={NO_RESULT}"]),
    "one of two": (
        (said("a", "b"), came("b")),
        ["assistant: a, b", f"tool: a={NO_RESULT}, b=of b"],
    ),
    "the same id in each turn": (
        (said("a"), came("a", text="1"), said("a"), came("a", text="2")),
        ["assistant: a", "tool: a=1", "assistant: a_2", "tool: a_2=2"],
    ),
    "the same id twice at once": (
        (said("a", "a"), came("a", text="1"), came("a", text="2")),
        ["assistant: a, a_2", "tool: a=1, a_2=2"],
    ),
    "an id that fits nowhere": (
        (said("x:1/y"), came("x:1/y")),
        ["assistant: x_1_y", "tool: x_1_y=of x:1/y"],
    ),
    "no id": ((said(""), came("", text="1")), ["assistant: call", "tool: call=1"]),
}


@pytest.mark.parametrize(("turns", "expected"), ORDERS.values(), ids=ORDERS)
def test_each_call_has_its_result_directly_after_it(
    turns: tuple[Turn, ...], expected: list[str]
) -> None:
    settled_turns = settled(turns)
    assert brief(settled_turns) == expected
    assert settled(settled_turns) == settled_turns


def test_a_result_of_no_call_stays_as_the_users_text() -> None:
    first, second = settled((came("a"), USER))
    assert first.role == "user"
    assert Text("of a") in first.parts
    assert second == USER


def test_a_result_before_its_call_is_none_of_it() -> None:
    turns = settled((came("a", text="old"), said("a"), came("a", text="new")))
    assert [turn.role for turn in turns] == ["user", "assistant", "tool"]
    assert brief(turns)[2] == "tool: a=new"


def test_errors_say_it_themselves() -> None:
    results = (
        ToolResult("a", (Text("no file"),), is_error=True),
        ToolResult("b", (Text("Error: gone"),), is_error=True),
        ToolResult("c", (), is_error=True),
        ToolResult("d", (Text("fine"),)),
    )
    (turn,) = errors_in_words((Turn("tool", results),))
    told = [_brief(part).partition("=")[2] for part in turn.parts]
    assert told == ["Error: no file", "Error: gone", "Error", "fine"]


@pytest.mark.properties
@given(st.lists(st.text(max_size=90), max_size=30))
def test_fitted_names_fit_and_are_given_once(names: list[str]) -> None:
    fitted = FittedNames(64)
    given_names = [fitted.give(name) for name in names]
    assert len(set(given_names)) == len(given_names)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name in given_names)
    again = FittedNames(64)
    assert [again.give(name) for name in names] == given_names


def test_names_that_are_cut_stay_apart() -> None:
    assert fitting("x" * 70 + "a", 64) != fitting("x" * 70 + "b", 64)


def test_long_histories_are_settled_quickly() -> None:
    """The same id again and again, results of no call among them."""

    def work(many: int) -> int:
        turns = [came("a")] * many + [turn for _ in range(many) for turn in (said("a"), came("a"))]
        assert len(settled(turns)) == 3 * many
        return lines_run(lambda: settled(turns))

    assert work(400) < TWICE * work(200)
