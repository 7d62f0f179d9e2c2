"""Calls that come as content: made calls again, or dropped where they repeat one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.chat_streams import DONE, ROLE, STOP, chunk, frame, said, text_frame
from relay.judge import judge_object
from relay.playing import PROMISE, one_by_one, play
from repairs.seen import seen
from strictwire.repairs.chat.leaked_call import MAX_HELD_BYTES

RULE = "chat.leaked-call"
ON = replace(PROMISE, tools=frozenset(("f", "g")), modes={RULE: "on"})
CALL = '{"name": "f", "arguments": {"a": 1}}'
OTHER = '{"name": "g", "parameters": {}}'
A = ("f", '{"a":1}')
B = ("g", "{}")

# What is said, the calls that come out of it, and the text.
TEXTS: dict[str, tuple[str, list[tuple[str, str]], str]] = {
    "a call": (CALL, [A], ""),
    "blanks around": (f"\n {CALL}\n", [A], ""),
    "in a fence": (f"```json\n{CALL}\n```", [A], ""),
    "in a bare fence": (f"```\n{CALL}```", [A], ""),
    "in tags": (f"<tool_call>\n{CALL}\n</tool_call>", [A], ""),
    "in tags that nothing closes": (f"<tool_call>{CALL}", [A], ""),
    "two in tags": (f"<tool_call>{CALL}</tool_call>\n<tool_call>{OTHER}</tool_call>", [A, B], ""),
    "a list": (f"[{CALL}, {OTHER}]", [A, B], ""),
    "arguments as text": ('{"name":"f","arguments":"{\\"a\\": 1}"}', [("f", '{"a": 1}')], ""),
    "inside of function": (f'{{"type":"function","function":{CALL}}}', [A], ""),
    "with an id": ('{"id":"x","type":"function","name":"g","arguments":{}}', [B], ""),
    # ---- text ----
    "text": ("Hello", [], "Hello"),
    "JSON": ('{"answer": 42}', [], '{"answer": 42}'),
    "a tool that was not offered": (CALL.replace('"f"', '"h"'), [], CALL.replace('"f"', '"h"')),
    "no arguments": ('{"name": "f"}', [], '{"name": "f"}'),
    "more keys": ('{"name":"f","arguments":{},"x":1}', [], '{"name":"f","arguments":{},"x":1}'),
    "arguments that are no object": ('{"name":"f","arguments":[1]}', [],
                                     '{"name":"f","arguments":[1]}'),
    "text after it": (f"{CALL} is the call", [], f"{CALL} is the call"),
    "text before it": (f"Call {CALL}", [], f"Call {CALL}"),
    "cut": (CALL[:-2], [], CALL[:-2]),
    "one of two is none": (f"[{CALL}, 5]", [], f"[{CALL}, 5]"),
    "an empty list": ("[]", [], "[]"),
    "code in a fence": ("```python\nprint()\n```", [], "```python\nprint()\n```"),
    "another tag": ("<toolbox>", [], "<toolbox>"),
    "half a tag": ("<tool_", [], "<tool_"),
    "text after the tag": (f"<tool_call>{CALL}</tool_call> so", [],
                           f"<tool_call>{CALL}</tool_call> so"),
}  # fmt: skip


def stream(*texts: str, end: bytes = STOP) -> bytes:
    return ROLE + b"".join(map(text_frame, texts)) + end + DONE


def calls_of(told: Any) -> list[tuple[str, str]]:
    return [(call.name, call.arguments) for call in told.choice.calls]


@pytest.mark.parametrize(("text", "calls", "rest"), TEXTS.values(), ids=TEXTS)
def test_nothing_but_a_call_becomes_a_call(
    text: str, calls: list[tuple[str, str]], rest: str
) -> None:
    for body in (stream(text), stream(*text), stream(*text, end=b"")):
        told = seen(body, ON)
        assert (calls_of(told), told.choice.text) == (calls, rest)
        assert told.choice.finish == ("tool_calls" if calls else "stop")
        assert (RULE in told.repairs) == bool(calls)
        assert play(one_by_one(body), ON) == told.played
        # Where no tools were offered, or nobody switched it on, text is text.
        for promise in (replace(ON, tools=frozenset()), replace(ON, modes={})):
            assert seen(body, promise).choice.text == text


@pytest.mark.parametrize(("text", "calls", "rest"), TEXTS.values(), ids=TEXTS)
def test_a_whole_object_is_read_the_same(
    text: str, calls: list[tuple[str, str]], rest: str
) -> None:
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    value = frame(chunk([choice], object="chat.completion"))[6:]
    told = judge_object(play(value, replace(ON, is_stream=False)).out).choices[0]
    assert [(call.name, call.arguments) for call in told.calls] == calls
    assert told.text == rest


def call_frames(name: str = "f", *arguments: str, index: int = 0) -> list[bytes]:
    function = {"name": name, "arguments": ""}
    head = {"index": index, "id": f"c{index}", "type": "function", "function": function}
    pieces: list[dict[str, Any]] = [head]
    pieces += [{"index": index, "function": {"arguments": told}} for told in arguments]
    return [frame(chunk([said({"tool_calls": [piece]})])) for piece in pieces]


FRAMES = call_frames("f", '{"a"', ":1}")
LEAKED = list(map(text_frame, ('{"a"', ": 1}")))
LEAKS: dict[str, tuple[list[bytes], str]] = {
    "arguments after the call": ([*FRAMES, *LEAKED], ""),
    "arguments before the call": ([*LEAKED, *FRAMES], ""),
    "in turn": ([FRAMES[0], FRAMES[1], LEAKED[0], FRAMES[2], LEAKED[1]], ""),
    "after a word": ([text_frame("Look."), *FRAMES, *LEAKED], "Look."),
    "the whole call": ([*FRAMES, text_frame(CALL)], ""),
    "other arguments": ([*FRAMES, text_frame('{"b":1}')], '{"b":1}'),
    "text": ([*FRAMES, text_frame("Done.")], "Done."),
}


@pytest.mark.parametrize(("frames", "text"), LEAKS.values(), ids=LEAKS)
def test_what_repeats_a_call_is_dropped(frames: list[bytes], text: str) -> None:
    told = seen(ROLE + b"".join(frames) + STOP + DONE, ON)
    assert (calls_of(told), told.choice.text) == ([A], text)
    assert (RULE in told.repairs) == (text in ("", "Look."))


def test_a_call_beside_another_one_gets_a_number_of_its_own() -> None:
    leaked = '{"name": "g", "parameters": {"b": 1}}'
    body = ROLE + b"".join(FRAMES) + text_frame(leaked) + STOP
    body += b"".join(call_frames("f", '{"z":1}', index=1)) + STOP + DONE
    told = seen(body, ON)
    assert calls_of(told) == [A, ("f", '{"z":1}'), ("g", '{"b":1}')]
    assert len({call.id for call in told.choice.calls}) == 3


def test_reasoning_passes_at_once() -> None:
    reasoning = frame(chunk([said({"reasoning_content": "r"})]))
    told = seen(ROLE + text_frame("{") + reasoning + text_frame("}") + STOP + DONE, ON)
    assert (told.choice.text, told.choice.reasoning) == ("{}", "r")


def test_text_without_end_is_told() -> None:
    piece = "x" * 1000
    body = stream("{", *[piece] * (MAX_HELD_BYTES // 1000 + 50), end=b"")
    early = play(body.removesuffix(DONE) + b": more\n\n", replace(ON, after_error="cut")).out
    assert early.count(piece.encode()) > MAX_HELD_BYTES // 4000


def test_a_long_fence_is_decided_soon() -> None:
    told = seen(stream("```", *[" "] * 2000), ON)
    assert told.choice.text == "```" + " " * 2000


@given(st.lists(st.sampled_from([CALL, "{", "}", "[", "]", "```", "json", "\n", " ", "a", "<",
                                 "<tool_call>", "</tool_call>"]), max_size=6))  # fmt: skip
def test_nothing_is_lost(texts: list[str]) -> None:
    told = seen(stream(*texts), ON)
    calls = len(told.choice.calls)
    assert calls == 0 or told.choice.text == ""
    assert calls > 0 or told.choice.text == "".join(texts)
