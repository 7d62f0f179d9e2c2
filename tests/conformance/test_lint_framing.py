"""Bytes, lines and blocks: each fault is found at its byte, and a healthy stream has none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.bodies import DONE, HEALTHY, ROLE, STOP, TEXT, encode, found, frame, rules, stream
from strictwire.conformance import lint

HEAD = frame(ROLE)
AT = len(HEAD)  # where the second frame begins
REST = frame(TEXT) + frame(STOP) + DONE
LAST = len(HEALTHY) - len(DONE)
TEXT_JSON = encode(TEXT)

# What is put between the first frame and the rest, and what is found, counted from there.
BETWEEN: dict[str, tuple[bytes, list[tuple[int, str]]]] = {
    "keepalive": (b": keep-alive\n\n", []),
    "another comment": (b": PROCESSING\n\n", [(0, "sse.comment")]),
    "a bare comment": (b":\n\n", [(0, "sse.comment")]),
    "a comment in a block": (b": keep-alive\n", [(0, "sse.comment")]),
    "mlx-lm's progress": (b": keepalive 512/2048\n\n", [(0, "sse.comment-progress")]),
    "an id": (b"id: 7\n", [(0, "sse.event-id")]),
    "a retry": (b"retry: 30\n", [(0, "sse.retry-field")]),
    "an unknown field": (b"x-trace: t\n", [(0, "sse.bare-json")]),
    "an event name": (b"event: delta\n", [(0, "sse.event-name")]),
    "a blank line": (b"\n", [(0, "sse.empty-block")]),
    "an event without data": (b"event: ping\n\n", [(0, "sse.empty-block")]),
    "no space": (b"data:" + TEXT_JSON + b"\n\n", [(0, "sse.space-after-colon")]),
    "CRLF": (
        b"data: " + TEXT_JSON + b"\r\n\r\n",
        [(6 + len(TEXT_JSON), "sse.line-ends"), (8 + len(TEXT_JSON), "sse.line-ends")],
    ),
    "CR": (b": keep-alive\r\n\n", [(12, "sse.line-ends")]),
    "two data lines": (
        b"data: " + TEXT_JSON[:1] + b"\ndata: " + TEXT_JSON[1:] + b"\n\n",
        [(8, "sse.data-lines")],
    ),
    "null": (b"data: null\n\n", [(6, "sse.foreign-event")]),
    "empty data": (b"data: \n\n", [(6, "sse.foreign-event")]),
    "a ping": (b"event: ping\ndata: {}\n\n", [(0, "sse.event-name"), (18, "chat.foreign-frame")]),
    "a wrapped comment": (b"data: : OPENROUTER\n\n", [(6, "sse.comment-as-data")]),
    "broken JSON": (b'data: {"a":\n\n', [(6, "json.invalid")]),
    "NaN": (
        b"data: " + TEXT_JSON.replace(b'"created":1', b'"created":1,"x":NaN') + b"\n\n",
        [(6, "json.lenient")],
    ),
    "half a surrogate pair": (
        b"data: " + TEXT_JSON.replace(b"Hi", rb"\ud83d") + b"\n\n",
        [(6, "chat.split-character")],
    ),
    "a byte that is no UTF-8": (
        b"data: " + TEXT_JSON.replace(b"Hi", b"\xf0\x9f") + b"\n\n",
        [(6, "chat.split-character")],
    ),
    "a comment that is no UTF-8": (
        b": \xff\n\n",
        [(0, "sse.comment"), (2, "sse.invalid-utf8")],
    ),
    "bare JSON": (TEXT_JSON + b"\n\n", [(0, "sse.bare-json")]),
    "bare JSON in lines": (
        b'{"error":\n{"message":"m","type":"t","param":null,\n"code":null}}\n\n',
        [(0, "sse.bare-json"), (10, "sse.bare-json"), (50, "sse.bare-json")],
    ),
    "two objects in a line": (
        b"data: " + TEXT_JSON + TEXT_JSON + b"\n\n",
        [(0, "sse.joined-objects")],
    ),
    "two objects in two lines": (
        b"data: " + TEXT_JSON + b"\ndata: " + TEXT_JSON + b"\n\n",
        [(0, "sse.joined-objects"), (7 + len(TEXT_JSON), "sse.data-lines")],
    ),
    "SwiftLM's progress": (
        b'event: prefill_progress\ndata: {"status":"x","n_past":1,"n_prompt_tokens":2}\n\n',
        [(0, "sse.event-name"), (30, "sse.progress-event")],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("between", "expected"), BETWEEN.values(), ids=BETWEEN)
def test_a_fault_is_found_at_its_byte(between: bytes, expected: list[tuple[int, str]]) -> None:
    data = HEAD + between + REST
    if b'"error"' in between:
        data = HEAD + between + DONE
    assert found(data) == [(AT + offset, rule) for offset, rule in expected]


ENDS: dict[str, tuple[bytes, list[tuple[int, str]]]] = {
    "no terminal": (HEALTHY[:LAST], [(LAST, "reply.done-missing")]),
    "another spelling": (HEALTHY[:LAST] + b"data: DONE\n\n", [(LAST + 6, "sse.done-spelling")]),
    "no blank line": (HEALTHY[:-1], [(LAST, "sse.unended-frame")]),
    "no line end": (HEALTHY[:-2], [(LAST, "sse.unended-frame")]),
    "the terminal twice": (HEALTHY + DONE, [(LAST + len(DONE), "sse.after-done")]),
    "a frame after it": (HEALTHY + frame(TEXT), [(LAST + len(DONE), "sse.after-done")]),
    "a blank line after it": (HEALTHY + b"\n", [(LAST + len(DONE), "sse.after-done")]),
    "half a frame": (
        HEAD + frame(TEXT) + b'data: {"id":',
        [(AT + len(frame(TEXT)), "sse.unended-block"),
         (AT + len(frame(TEXT)) + 12, "reply.truncated")],
    ),
    "a frame for the terminal": (
        HEAD + frame(TEXT) + frame(STOP)[:-2],
        [(AT + len(frame(TEXT)), "sse.unended-frame"),
         (AT + len(frame(TEXT)) + len(frame(STOP)) - 2, "reply.done-missing")],
    ),
    "nothing": (b"", [(0, "reply.empty")]),
    "blanks": (b"\n\n", [(0, "reply.empty")]),
    "a comment": (b": keep-alive\n\n", [(14, "reply.empty")]),
    "the terminal alone": (DONE, [(0, "reply.empty")]),
    "no reason": (HEAD + frame(TEXT) + DONE, [(AT + len(frame(TEXT)), "reply.finish-inferred")]),
    "neither": (HEAD + frame(TEXT), [(AT + len(frame(TEXT)), "reply.truncated")]),
    "a page": (b"<html></html>", [(0, "bridge.not-a-reply")]),
    "a word like a field": (b"database is down", [(0, "bridge.not-a-reply")]),
}  # fmt: skip


@pytest.mark.parametrize(("data", "expected"), ENDS.values(), ids=ENDS)
def test_the_end_is_judged(data: bytes, expected: list[tuple[int, str]]) -> None:
    assert found(data) == expected


def test_a_healthy_stream_has_no_findings() -> None:
    assert lint(HEALTHY) == []


def test_a_byte_order_mark_is_found_and_read_over() -> None:
    assert found(b"\xef\xbb\xbf" + HEALTHY) == [(0, "sse.byte-order-mark")]


def test_keepalives_may_be_forbidden() -> None:
    assert rules(b": keep-alive\n\n" + HEALTHY, allows_keepalive=False) == ["sse.comment"]


def test_an_error_inside_an_unfinished_object_is_the_error() -> None:
    error = {"error": {"message": "m", "type": "t", "param": None, "code": None}}
    broken = b'data: {"id":"chatcmpl-1","choi' + encode(error) + b"\n\n"
    assert rules(HEAD + frame(TEXT) + broken + DONE) == ["sse.joined-objects"]


def test_one_rule_is_told_a_bounded_number_of_times() -> None:
    data = stream(ROLE, done=b"") + b"\n" * 5000
    assert 1000 <= len(found(data)) < 1010


@given(st.binary(max_size=200) | st.text('data: {}[]"\n\r:,1e\\ud', max_size=200).map(str.encode))
def test_no_bytes_make_it_raise(data: bytes) -> None:
    for is_stream in (None, True, False):
        for finding in lint(data):
            assert 0 <= finding.offset <= len(data)
        rules(b"data: " + data + b"\n\n", is_stream=is_stream)
        rules(HEAD + data, is_stream=is_stream, dialect="completions")
