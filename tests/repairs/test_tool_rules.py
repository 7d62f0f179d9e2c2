"""Tool calls, piece by piece: which call a piece belongs to, and what the client gets of it.

Each row says the pieces as a server sends them and the calls that must come out, in order, as
(name, arguments) or (id, name, arguments). All outputs are judged strictly.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from relay.judge import Call, judge_object, judge_stream
from relay.playing import PROMISE, WHOLE, play

A, B = '{"a":1}', '{"b":2}'
UNSET: Any = object()


def piece(
    index: Any = UNSET,
    identity: Any = UNSET,
    name: Any = UNSET,
    arguments: Any = UNSET,
) -> dict[str, Any]:
    fields = {"index": index, "id": identity}
    function = {"name": name, "arguments": arguments}
    told = {key: value for key, value in fields.items() if value is not UNSET}
    told["function"] = {key: value for key, value in function.items() if value is not UNSET}
    return told


def chunk(delta: Any, finish: Any = None, **more: Any) -> bytes:
    value = {
        "id": "x",
        "object": "chat.completion.chunk",
        "created": 5,
        "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        **more,
    }
    return b"data: %b\n\n" % json.dumps(value).encode()


ROLE = chunk({"role": "assistant"})
END = chunk({}, "tool_calls") + b"data: [DONE]\n\n"


def calls_of(*pieces: Any) -> list[Call]:
    """The calls that a client gets, streamed; the same must come out collected."""
    told = [one if isinstance(one, list) else [one] for one in pieces]
    body = ROLE + b"".join(chunk({"tool_calls": one}) for one in told) + END
    streamed, collected = play(body, PROMISE), play(body, WHOLE)
    stream, whole = judge_stream(streamed.out), judge_object(collected.out)
    assert stream.faults == []
    assert whole.faults == []
    calls = stream.choices[0].calls
    assert whole.choices[0].calls == calls
    assert streamed.repairs == collected.repairs
    return calls


ROUTES = {
    # As it should be.
    "in order": (
        [piece(0, "a", "f", ""), piece(0, arguments=A), piece(1, "b", "g", ""),
         piece(1, arguments=B)],
        [("a", "f", A), ("b", "g", B)],
    ),
    "in turn": (
        [piece(0, "a", "f", ""), piece(1, "b", "g", ""), piece(0, arguments='{"a"'),
         piece(1, arguments='{"b"'), piece(0, arguments=":1}"), piece(1, arguments=":2}")],
        [("a", "f", A), ("b", "g", B)],
    ),
    # No index (quirk 48).
    "no index, ids": (
        [piece(identity="a", name="f", arguments=A), piece(identity="b", name="f", arguments=B)],
        [("a", "f", A), ("b", "f", B)],
    ),
    "no index, no ids": (
        [piece(name="f", arguments=A), piece(name="f", arguments=B)], [("f", A), ("f", B)],
    ),
    "no index, in pieces": (
        [piece(identity="a", name="f", arguments=""), piece(arguments='{"a"'),
         piece(arguments=":1}"), piece(identity="b", name="g", arguments=""), piece(arguments=B)],
        [("a", "f", A), ("b", "g", B)],
    ),
    "no index, in one list": (
        [[piece(identity="a", name="f", arguments=A), piece(identity="b", name="g", arguments=B)]],
        [("a", "f", A), ("b", "g", B)],
    ),
    "index null": ([piece(None, "a", "f", ""), piece(None, arguments=A)], [("a", "f", A)]),
    # A wrong index (quirk 49).
    "all at 0, ids": (
        [piece(0, "a", "f", ""), piece(0, arguments=A), piece(0, "b", "g", ""),
         piece(0, arguments=B)],
        [("a", "f", A), ("b", "g", B)],
    ),
    "all at 0, no ids": (
        [piece(0, name="f", arguments=""), piece(0, arguments=A), piece(0, name="g", arguments=""),
         piece(0, arguments=B)],
        [("f", A), ("g", B)],
    ),
    "all at 0, no ids, one name": (
        [piece(0, name="f", arguments=""), piece(0, arguments=A), piece(0, name="f", arguments=""),
         piece(0, arguments=B)],
        [("f", A), ("f", B)],
    ),
    "all at 0, the id on each piece, in turn": (
        [piece(0, "a", "f", ""), piece(0, "b", "g", ""), piece(0, "a", arguments=A),
         piece(0, "b", arguments=B)],
        [("a", "f", A), ("b", "g", B)],
    ),
    "-1": ([piece(-1, "a", "f", ""), piece(-1, arguments=A)], [("a", "f", A)]),
    "true and 1.0": (
        [piece(0, "a", "f", A), piece(True, "b", "g", B), piece(2.0, "c", "f", A)],
        [("a", "f", A), ("b", "g", B), ("c", "f", A)],
    ),
    "from 1": (
        [piece(1, "a", "f", ""), piece(1, arguments=A), piece(2, "b", "g", ""),
         piece(2, arguments=B)],
        [("a", "f", A), ("b", "g", B)],
    ),
    "with gaps": ([piece(7, "a", "f", A), piece(9, "b", "g", B)], [("a", "f", A), ("b", "g", B)]),
    "head at 0, tail at 1": ([piece(0, "a", "f", ""), piece(1, arguments=A)], [("a", "f", A)]),
    "head and tail drift": (
        [piece(0, "a", "f", ""), piece(1, arguments=A), piece(1, "b", "g", ""),
         piece(2, arguments=B)],
        [("a", "f", A), ("b", "g", B)],
    ),
    # One call at several indexes, several calls under one id (quirks 49, 94).
    "the same call twice, elsewhere": (
        [piece(0, "a", "f", A), piece(1, "a", "f", A)], [("a", "f", A)],
    ),
    "its name first, then whole, and again": (
        [piece(0, "a", "f", ""), piece(1, "a", "f", A), piece(2, "a", "f", A)], [("a", "f", A)],
    ),
    "whole at three indexes": (
        [piece(0, "a", "f", A), piece(1, "a", "f", A), piece(2, "a", "f", A)], [("a", "f", A)],
    ),
    "its beginning again, elsewhere": (
        [piece(0, "a", "f", ""), piece(0, arguments=A), piece(1, "a", "f", ""),
         piece(2, "a", "f", None)],
        [("a", "f", A)],
    ),
    "all of it again, elsewhere, in pieces": (
        [piece(0, "a", "f", ""), piece(0, arguments=A), piece(1, "a", "f", ""),
         piece(1, arguments=A[:3]), piece(1, "a", "f", ""), piece(1, arguments=A[3:])],
        [("a", "f", A)],
    ),
    "one id, a shorter second call": (
        [piece(0, "s", "f", ""), piece(0, arguments=A), piece(1, "s", "f", ""),
         piece(1, arguments="{}")],
        [("f", A), ("f", "{}")],
    ),
    "one id, a shorter second call, then a third": (
        [piece(0, "s", "f", A), piece(1, "s", "f", ""), piece(1, arguments="{}"),
         piece(2, "b", "g", B)],
        [("f", A), ("f", "{}"), ("g", B)],
    ),
    "one id, a second call that is cut": (
        [piece(0, "s", "f", ""), piece(0, arguments=A), piece(1, "s", "f", ""),
         piece(1, arguments='{"')],
        [("f", A), ("f", '{"')],
    ),
    "one id, a longer second call": (
        [piece(0, "s", "f", ""), piece(0, arguments=A), piece(1, "s", "f", ""),
         piece(1, arguments='{"a":'), piece(1, arguments='"long'), piece(1, arguments='"}')],
        [("f", A), ("f", '{"a":"long"}')],
    ),
    "its beginning again, then another call there": (
        [piece(0, "a", "f", ""), piece(0, arguments=A), piece(1, "a", "f", ""),
         piece(1, "b", "g", ""), piece(1, arguments=B)],
        [("a", "f", A), ("b", "g", B)],
    ),
    "one id, two calls": (
        [piece(0, "s", "f", ""), piece(0, arguments=A), piece(1, "s", "f", ""),
         piece(1, arguments=B)],
        [("f", A), ("f", B)],
    ),
    "one id on each piece, two calls": (
        [piece(0, "s", "f", ""), piece(0, "s", arguments=A), piece(1, "s", "f", ""),
         piece(1, "s", arguments=B)],
        [("f", A), ("f", B)],
    ),
    "one id, two whole calls": (
        [piece(0, "s", "f", A), piece(1, "s", "f", B)], [("f", A), ("f", B)],
    ),
    "one id and one index, two whole calls": (
        [piece(0, "s", "f", A), piece(0, "s", "f", B)], [("f", A), ("f", B)],
    ),
    "one id and one index, two names": (
        [piece(0, "s", "f", A), piece(0, "s", "g", B)], [("f", A), ("g", B)],
    ),
    "one id, objects as arguments": (
        [piece(0, "s", "f", {"a": 1}), piece(1, "s", "f", {"b": 2})], [("f", A), ("f", B)],
    ),
    "another id on each piece": (
        [piece(0, "a", "f", ""), piece(0, "b", arguments='{"a"'), piece(0, "c", arguments=":1}")],
        [("a", "f", A)],
    ),
}  # fmt: skip

IDS = {
    "missing": [piece(0, name="f", arguments=A), piece(1, name="g", arguments=B)],
    "empty": [piece(0, "", "f", A), piece(1, "", "g", B)],
    "null": [piece(0, None, "f", A), piece(1, None, "g", B)],
    "a number": [piece(0, 5, "f", A), piece(1, 6, "g", B)],
    "the same": [piece(0, "s", "f", A), piece(1, "s", "g", B)],
}

NAMES = {
    "on each piece": (
        [piece(0, "a", "f", '{"a"'), piece(0, name="f", arguments=":1"),
         piece(0, name="f", arguments="}")],
        [("a", "f", A)],
    ),
    "with its id on each piece": (
        [piece(0, "a", "f", ""), piece(0, "a", "f", '{"a"'), piece(0, "a", "f", ":1}")],
        [("a", "f", A)],
    ),
    "empty on each piece": (
        [piece(0, "a", "f", ""), piece(0, name="", arguments='{"a"'),
         piece(0, name="", arguments=":1}")],
        [("a", "f", A)],
    ),
    "null on each piece": (
        [piece(0, "a", "f", ""), piece(0, name=None, arguments=A)], [("a", "f", A)],
    ),
    "in two pieces": (
        [piece(0, "a", "edit_ex", ""), piece(0, name="isting", arguments=""),
         piece(0, arguments=A)],
        [("a", "edit_existing", A)],
    ),
    "in two pieces, no arguments": (
        [piece(0, "a", "edit_ex"), piece(0, name="isting")], [("a", "edit_existing", "{}")],
    ),
    "null first": (
        [piece(0, "a", None), piece(0, name="f"), piece(0, arguments=A)], [("a", "f", A)],
    ),
}  # fmt: skip

ARGUMENTS = {
    "an object": ([piece(0, "a", "f", {"x": [1, "é"]})], [("a", "f", '{"x":[1,"é"]}')]),
    "an empty object": ([piece(0, "a", "f", {})], [("a", "f", "{}")]),
    "empty text": ([piece(0, "a", "f", "")], [("a", "f", "{}")]),
    "null": ([piece(0, "a", "f", None)], [("a", "f", "{}")]),
    "no key": ([piece(0, "a", "f")], [("a", "f", "{}")]),
    "two calls without any": (
        [piece(0, "a", "f", ""), piece(1, "b", "g", "")], [("a", "f", "{}"), ("b", "g", "{}")],
    ),
    "{} then the real ones": (
        [piece(0, "a", "f", "{}"), piece(0, arguments='{"a"'), piece(0, arguments=":1}")],
        [("a", "f", A)],
    ),
    "{} twice, then the real ones": (
        [piece(0, "a", "f", "{}"), piece(0, "a", "f", "{}"), piece(0, arguments=A)],
        [("a", "f", A)],
    ),
    "{} for one of two calls": (
        [piece(0, "a", "f", "{}"), piece(1, "b", "g", ""), piece(1, arguments=B)],
        [("a", "f", "{}"), ("b", "g", B)],
    ),
    "only {}": ([piece(0, "a", "f", ""), piece(0, arguments="{}")], [("a", "f", "{}")]),
    "the whole again at the end": (
        [piece(0, "a", "f", ""), piece(0, arguments='{"a"'), piece(0, arguments=":1}"),
         piece(0, arguments=A)],
        [("a", "f", A)],
    ),
    "null pieces between": (
        [piece(0, "a", "f", ""), piece(0, name=None, arguments=None), piece(0, arguments=A)],
        [("a", "f", A)],
    ),
    # What the model wrote is never altered, however broken.
    "broken JSON": ([piece(0, "a", "f", ""), piece(0, arguments='{"a":')], [("a", "f", '{"a":')]),
    "no JSON": ([piece(0, "a", "f", "grep -r")], [("a", "f", "grep -r")]),
    "brackets in a string": (
        [piece(0, "a", "f", ""), piece(0, arguments='{"a":"}'), piece(0, arguments='\\""'),
         piece(0, arguments="}")],
        [("a", "f", '{"a":"}\\""}')],
    ),
    "spaces": ([piece(0, "a", "f", ' { "a" : 1 } ')], [("a", "f", ' { "a" : 1 } ')]),
}  # fmt: skip

TABLE = {
    f"{part}: {name}": row
    for part, rows in {"route": ROUTES, "name": NAMES, "arguments": ARGUMENTS}.items()
    for name, row in rows.items()
}


@pytest.mark.parametrize(("pieces", "want"), TABLE.values(), ids=TABLE)
def test_each_piece_finds_its_call(pieces: list[Any], want: list[tuple[str, ...]]) -> None:
    got = calls_of(*pieces)
    assert [(call.name, call.arguments) for call in got] == [row[-2:] for row in want]
    for call, row in zip(got, want, strict=True):
        if len(row) == 3:
            assert call.id == row[0]


@pytest.mark.parametrize("pieces", IDS.values(), ids=IDS)
def test_each_call_gets_an_id_of_its_own(pieces: list[Any]) -> None:
    first, second = calls_of(*pieces)
    assert first.id != second.id
    assert (first.name, second.name) == ("f", "g")


def test_ids_are_the_same_each_time_and_differ_between_choices() -> None:
    assert [call.id for call in calls_of(piece(0, name="f"))] == ["call_own_0_0"]


@pytest.mark.parametrize(
    "delta", [{"tool_calls": value} for value in ("x", 5, {"a": 1}, [None], ["x"], [{}], [[]])]
)
def test_what_is_no_piece_begins_no_call(delta: dict[str, Any]) -> None:
    told = judge_stream(play(ROLE + chunk(delta) + chunk({"content": "a"}) + END).out)
    assert told.faults == []
    assert told.choices[0].calls == []
    assert told.choices[0].finish == "stop"


def test_a_call_without_a_name_keeps_its_arguments() -> None:
    for head in (piece(0, "a", arguments=A), piece(0, arguments=A)):
        played = play(ROLE + chunk({"tool_calls": [head]}) + END)
        (call,) = judge_stream(played.out).choices[0].calls
        assert call.id
        assert (call.name, call.arguments) == ("", A)


def test_a_call_without_arguments_is_whole_before_the_next_one_begins() -> None:
    first, second = piece(0, "a", "f", "{}"), piece(1, "b", "g", B)
    body = ROLE + chunk({"tool_calls": [first]}) + chunk({"tool_calls": [second]}) + END
    out = play(body).out
    assert out.index(b'"arguments":"{}"') < out.index(b'"name":"g"')


def test_a_custom_tool_passes_in_its_own_shape() -> None:
    begin = {"index": 0, "id": "c", "type": "custom", "custom": {"name": "grep", "input": ""}}
    more = {"index": 0, "custom": {"input": "{}"}}
    body = ROLE + chunk({"tool_calls": [begin]}) + chunk({"tool_calls": [more]}) + END
    played = play(body)
    told = judge_stream(played.out)
    assert (told.faults, played.repairs) == ([], frozenset())
    assert told.choices[0].calls == [Call("c", "grep", "{}", "custom")]


def test_a_custom_tool_may_be_called_with_nothing() -> None:
    begin = {"index": 0, "id": "c", "type": "custom", "custom": {"name": "grep", "input": ""}}
    played = play(ROLE + chunk({"tool_calls": [begin]}) + END)
    assert judge_stream(played.out).choices[0].calls == [Call("c", "grep", "", "custom")]


def test_calls_of_two_choices_do_not_mix() -> None:
    def of(index: int, told: dict[str, Any]) -> bytes:
        delta = {"index": index, "delta": {"tool_calls": [told]}, "finish_reason": None}
        return chunk({}, choices=[delta])

    roles = b"".join(
        chunk({}, choices=[{"index": i, "delta": {"role": "assistant"}, "finish_reason": None}])
        for i in (0, 1)
    )
    heads = of(0, piece(name="f")) + of(1, piece(name="g"))
    tails = of(0, piece(arguments=A)) + of(1, piece(arguments=B))
    told = judge_stream(play(roles + heads + tails + b"data: [DONE]\n\n").out)
    assert told.faults == []
    for index, want in enumerate([("f", A), ("g", B)]):
        (call,) = told.choices[index].calls
        assert (call.name, call.arguments) == want
        assert told.choices[index].finish == "tool_calls"
