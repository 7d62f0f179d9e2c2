"""A finish reason that comes before the choice is over: what a rule holds of it must wait on.

Some servers say a reason in each chunk, also in the one that begins a tool call. Whoever took it
for the end would close a call whose arguments are still to come, cut a name in two, or break a
character. Each row is played without reasons, and with one in every chunk: both say the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from relay.chat_streams import DONE, chunk, frame, said
from relay.judge import Choice
from relay.playing import PROMISE
from repairs.seen import seen

TOOLS = replace(PROMISE, tools=frozenset(("f",)))


def call(name: str | None = None, arguments: str = "", identity: str | None = None) -> Any:
    told = {"index": 0, "id": identity, "function": {"name": name, "arguments": arguments}}
    return {"tool_calls": [told]}


# The deltas, and the rules that are switched to another mode.
SPLIT = {"chat.think-tags": "split"}
LEAKED = {"chat.leaked-call": "on"}
ROWS: dict[str, tuple[list[dict[str, Any]], Mapping[str, str]]] = {
    "a call's arguments": ([call("f", "", "a"), call(arguments='{"a"'), call(arguments=":1}")], {}),
    "a call without arguments": ([call("f", "", "a")], {}),
    "an empty object, then arguments": ([call("f", "{}", "a"), call(arguments='{"a":1}')], {}),
    "a name in two pieces": ([call("edit_", "", "a"), call("file"), call(arguments="{}")], {}),
    "a function call": (
        [
            {"function_call": {"name": "f", "arguments": ""}},
            {"function_call": {"arguments": '{"a":1}'}},
        ],
        {},
    ),
    "a call told twice, elsewhere": (
        [
            call("f", '{"a":1}', "a"),
            {"tool_calls": [{"index": 1, "id": "a", "function": {"name": "f"}}]},
            {"tool_calls": [{"index": 1, "function": {"arguments": '{"b":2}'}}]},
        ],
        {},
    ),
    "half a character": ([{"content": "\ud83d"}, {"content": "\ude00"}], {}),
    "half a tag": ([{"content": "<thi"}, {"content": "nk>a</think>b"}], SPLIT),
    "text that is a call": (
        [{"content": '{"name":"f","argu'}, {"content": 'ments":{}}'}],
        LEAKED,
    ),
}


def told(deltas: list[dict[str, Any]], reasons: list[str | None], modes: Mapping[str, str]) -> Any:
    frames = [
        frame_of(chunk([said(delta, finish=reason)]))
        for delta, reason in zip(deltas, reasons, strict=True)
    ]
    return seen(b"".join(frames) + DONE, replace(TOOLS, modes=dict(modes)))


def frame_of(value: Any) -> bytes:
    """Half a surrogate pair can be told in JSON as an escape only."""
    try:
        return frame(value)
    except UnicodeEncodeError:
        text = repr(value).replace("None", "null").replace("'", '"')
        return b"data: %b\n\n" % text.encode("ascii")


@pytest.mark.parametrize(("deltas", "modes"), ROWS.values(), ids=ROWS)
def test_a_reason_in_every_chunk_changes_nothing_that_is_said(
    deltas: list[dict[str, Any]], modes: Mapping[str, str]
) -> None:
    plain = [{"role": "assistant"}, *deltas, {}]
    last: list[str | None] = [None] * (len(plain) - 1) + ["stop"]
    right = told(plain, last, modes).choice
    assert right != Choice(finish=right.finish)
    assert told(plain, ["stop"] * len(plain), modes).choice == right


@pytest.mark.parametrize(("deltas", "modes"), ROWS.values(), ids=ROWS)
def test_what_was_held_past_the_finish_does_not_cancel_it(
    deltas: list[dict[str, Any]], modes: Mapping[str, str]
) -> None:
    """It came before the reason, so the reason was the last word."""
    plain = [{"role": "assistant"}, deltas[0], {}]
    got = told(plain, [None, None, "length"], modes)
    assert got.choice.finish == "length"
    assert not got.repairs & {"reply.finish-early", "reply.finish-inferred"}
