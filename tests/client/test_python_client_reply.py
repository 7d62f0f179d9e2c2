"""Bytes of a reply -> the client's events, however the server tells them and the network cuts."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strictwire.client import (
    Annotation,
    Finish,
    Native,
    Progress,
    Reasoning,
    ReasoningSeal,
    Refusal,
    Started,
    Text,
    ToolCall,
    ToolCallDelta,
    ToolCallStarted,
    Usage,
)
from strictwire.client.errors import MalformedReplyError, ReplyTooLargeError
from strictwire.client.events import Event
from strictwire.client.reply import ReplyReader
from strictwire.model import events as told
from strictwire.model.request import FoldedTool, Promise

PROMISE = Promise(id="client", created=0, model="m", includes_usage=True, choices=1)
DONE = b"data: [DONE]\n\n"


def frame(value: object) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish, **more}
    head = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return frame({**head, "choices": [choice]})


USAGE = frame(
    {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [],
        "usage": {
            "prompt_tokens": 9,
            "completion_tokens": 4,
            "total_tokens": 13,
            "prompt_tokens_details": {"cached_tokens": 5},
            "completion_tokens_details": {"reasoning_tokens": 2},
        },
    }
)


def call(index: int, **more: Any) -> dict[str, Any]:
    return {"tool_calls": [{"index": index, **more}]}


STREAM = b"".join(
    (
        b": keepalive\n\n",
        chunk({"role": "assistant"}),
        chunk({"reasoning_content": "Hm. "}),
        chunk({"reasoning_content": "Yes."}),
        chunk({"content": "Café "}),
        chunk({"content": "日本"}),
        chunk(call(0, id="a", type="function", function={"name": "f", "arguments": ""})),
        chunk(call(0, function={"arguments": '{"x"'})),
        chunk(call(1, id="b", type="function", function={"name": "g", "arguments": '{"y":2}'})),
        chunk(call(0, function={"arguments": ":1}"})),
        chunk({}, "tool_calls"),
        USAGE,
        DONE,
    )
)


def read(*pieces: bytes, promise: Promise = PROMISE, progress: bool = False) -> list[Event]:
    reader = ReplyReader(promise, hears_progress=progress)
    events = [event for piece in pieces for event in reader.feed(piece)]
    events += reader.finish()
    assert reader.is_whole, (reader.failure, reader.wire_error)
    return events


def failed(*pieces: bytes, promise: Promise = PROMISE) -> tuple[list[Event], ReplyReader]:
    reader = ReplyReader(promise, hears_progress=False)
    events = [event for piece in pieces for event in reader.feed(piece)]
    events += reader.finish()
    assert reader.has_failed
    assert not reader.is_whole
    assert not any(isinstance(event, Finish) for event in events)
    return events, reader


def test_a_stream_tells_each_thing_once_and_in_order() -> None:
    assert read(STREAM) == [
        Started("c1", "m"),
        Reasoning("Hm. "),
        Reasoning("Yes."),
        Text("Café "),
        Text("日本"),
        ToolCallStarted(0, "a", "f"),
        ToolCallDelta(0, '{"x"'),
        ToolCallStarted(1, "b", "g"),
        ToolCallDelta(1, '{"y":2}'),
        ToolCallDelta(0, ":1}"),
        ToolCall(0, "a", "f", '{"x":1}'),
        ToolCall(1, "b", "g", '{"y":2}'),
        Usage(9, 4, 5, 2, json.loads(USAGE[6:])["usage"]),
        Finish("tool_calls"),
    ]


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_how_the_network_cuts_it_does_not_matter(cuts: list[int]) -> None:
    ends = [0, *sorted(cuts), len(STREAM)]
    assert read(*(STREAM[a:b] for a, b in itertools.pairwise(ends))) == read(STREAM)


def test_byte_by_byte() -> None:
    assert read(*(STREAM[at : at + 1] for at in range(len(STREAM)))) == read(STREAM)


WHOLE: dict[str, Any] = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hi", "reasoning_content": "Hm."},
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
}


@pytest.mark.parametrize("before", [b"", b"\n\n  \n", b"\xef\xbb\xbf"])
def test_one_object_where_a_stream_was_asked_for(before: bytes) -> None:
    events = read(before + json.dumps(WHOLE).encode())
    assert [event for event in events if not isinstance(event, Usage)] == [
        Started("c1", "m"),
        Reasoning("Hm."),
        Text("Hi"),
        Finish("stop"),
    ]


def test_cumulative_text_is_told_once() -> None:
    pieces = [chunk({"content": text}) for text in ("The sea", "The sea is", "The sea is wide")]
    mended = Promise(id="c", created=0, model="m", modes={"chat.cumulative-text": "on"})
    events = read(b"".join(pieces) + chunk({}, "stop") + DONE, promise=mended)
    assert "".join(e.text for e in events if isinstance(e, Text)) == "The sea is wide"


def test_a_finished_stream_needs_no_terminal() -> None:
    events = read(chunk({"content": "Hi"}), chunk({}, "stop"))
    assert events == [Started("c1", "m"), Text("Hi"), Finish("stop")]


def test_nothing_is_read_after_the_terminal() -> None:
    assert read(STREAM + chunk({"content": "more"})) == read(STREAM)


def test_a_stream_that_breaks_off_keeps_what_came_and_has_no_finish() -> None:
    events, reader = failed(chunk({"content": "Hi"}), chunk({"content": " the"})[:20])
    assert events == [Started("c1", "m"), Text("Hi")]
    assert reader.wire_error is not None
    assert not reader.is_told


def test_a_call_that_breaks_off_is_no_call() -> None:
    begun = chunk(call(0, id="a", type="function", function={"name": "f", "arguments": '{"x'}))
    events, _ = failed(begun)
    assert not any(isinstance(event, ToolCall) for event in events)


def test_an_error_inside_the_stream_is_the_server_s_word() -> None:
    error = frame({"error": {"message": "Out of memory", "type": "server_error", "code": "oom"}})
    events, reader = failed(chunk({"content": "Hi"}) + error + DONE)
    assert events == [Started("c1", "m"), Text("Hi")]
    assert reader.is_told
    assert reader.wire_error is not None
    assert reader.wire_error.message == "Out of memory"


@pytest.mark.parametrize("body", [b"<html><title>Sign in</title></html>", b"upstream error"])
def test_what_is_no_reply_is_refused(body: bytes) -> None:
    _, reader = failed(body)
    assert isinstance(reader.failure, MalformedReplyError)
    assert "base_url" in reader.failure.message


@pytest.mark.parametrize("body", [b"", b"\n\n", b": keepalive\n\n"])
def test_an_empty_reply_is_no_reply(body: bytes) -> None:
    events, reader = failed(body)
    assert events == []
    assert reader.wire_error is not None


@pytest.mark.parametrize(
    "body",
    [
        b"".join(chunk({"content": "x" * 100}) for _ in range(100)),
        chunk(call(0, id="a", type="function", function={"name": "f", "arguments": "x" * 9000})),
        json.dumps({**WHOLE, "x": "y" * 9000}).encode(),
    ],
    ids=["text", "arguments", "object"],
)
def test_a_reply_without_end_is_cut(body: bytes) -> None:
    small = Promise(id="c", created=0, model="m", max_reply_bytes=4000)
    _, reader = failed(body, promise=small)
    if reader.failure is not None:
        assert isinstance(reader.failure, ReplyTooLargeError)
    else:
        assert reader.wire_error is not None
        assert reader.wire_error.code == "upstream_reply_too_large"


# ---- what rides on other events ----


def test_logprobs_come_with_their_text() -> None:
    token = {"token": "Hi", "logprob": -0.5, "bytes": [72, 105], "top_logprobs": []}
    logprobs = {"content": [token], "refusal": None}
    events = read(chunk({"content": "Hi"}, logprobs=logprobs), chunk({}, "stop"), DONE)
    assert events[1] == Text("Hi", 0, (token,))


def test_annotations_and_seals_come_as_events() -> None:
    cited = {"type": "url_citation", "url_citation": {"url": "https://example.com"}}
    sealed = [
        {"type": "reasoning.encrypted", "data": "c2VhbA==", "id": "rs_1"},
        {"type": "reasoning.text", "text": "told already"},
    ]
    events = read(
        chunk({"reasoning_content": "Hm."}),
        chunk({"reasoning_details": sealed}),
        chunk({"content": "Hi", "annotations": [cited]}),
        chunk({}, "stop"),
        DONE,
    )
    assert ReasoningSeal("c2VhbA==", "rs_1") in events
    assert Annotation(cited) in events


def test_a_refusal_is_told_apart_from_text() -> None:
    events = read(chunk({"refusal": "No."}), chunk({}, "stop"), DONE)
    assert events == [Started("c1", "m"), Refusal("No."), Finish("stop")]


def test_neutral_events_of_other_dialects() -> None:
    """What no chat server tells, fed past the reading."""
    reader = ReplyReader(PROMISE, hears_progress=False)
    item = {"type": "web_search_call"}
    told_events: list[told.Event] = [
        told.Begun("r1", None, "m"),
        told.ReasoningDelta(0, "One", "summary"),
        told.Separated(0),
        told.ReasoningDelta(0, "Two", "summary"),
        told.Sealed(0, "seal", id="rs_1"),
        told.Native("responses", item),
        told.TextDelta(0, "Hi"),
        told.TextDelta(1, "another choice"),
        told.Finished(0, "stop"),
        told.Ended(),
    ]
    assert reader._read(told_events) == [
        Started("r1", "m"),
        Reasoning("One", 0, is_summary=True),
        Reasoning("Two", 1, is_summary=True),
        ReasoningSeal("seal", "rs_1"),
        Native("responses", item),
        Text("Hi", 1),
        Finish("stop"),
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [('{"input": "a\\nb"}', "a\nb"), ("not wrapped", "not wrapped"), ('{"x": 1}', '{"x": 1}')],
)
def test_a_folded_tool_is_called_by_its_own_name(arguments: str, said: str) -> None:
    folded = {"shell_x": FoldedTool("shell", wrapper="input")}
    promise = Promise(id="c", created=0, model="m", folded=folded)
    body = {"name": "shell_x", "arguments": arguments}
    events = read(
        chunk(call(0, id="a", type="function", function=body)),
        chunk({}, "tool_calls"),
        DONE,
        promise=promise,
    )
    assert ToolCallStarted(0, "a", "shell") in events
    assert ToolCall(0, "a", "shell", said, is_custom=True) in events
    assert not any(isinstance(event, ToolCallDelta) for event in events)


# ---- prefill progress ----


def report(status: str, past: int | None, total: int | None, fraction: float | None) -> bytes:
    told_report = {"status": status, "n_past": past, "n_prompt_tokens": total, "fraction": fraction}
    return json.dumps({**told_report, "elapsed_seconds": 1}).encode()


TAIL = chunk({"content": "Hi"}) + chunk({}, "stop") + DONE
REPORTS = [
    ("queued", None, None, None),
    ("processing", 32, 128, 0.25),
    ("done", 128, 128, 1.0),
]
HEARD = [
    Progress("queued"),
    Progress("processing", 32, 128, 0.25),
    Progress("done", 128, 128, 1.0),
]


@pytest.mark.parametrize("begin", [b": prefill_progress ", b"event: prefill_progress\ndata: "])
def test_progress_of_a_gateway(begin: bytes) -> None:
    stream = b"".join(begin + report(*one) + b"\n\n" for one in REPORTS) + TAIL
    assert read(stream, progress=True)[:4] == [*HEARD, Started("c1", "m")]
    pieces = (stream[at : at + 7] for at in range(0, len(stream), 7))
    assert read(*pieces, progress=True)[:3] == HEARD


@pytest.mark.parametrize(
    ("told", "place"), [(3, 3), (0, None), (-1, None), (1.5, None), ("1", None)]
)
def test_the_place_in_line_is_told(told: Any, place: int | None) -> None:
    line = report("queued", None, None, None)[:-1] + b',"place":' + json.dumps(told).encode()
    stream = b": prefill_progress " + line + b"}\n\n" + TAIL
    assert read(stream, progress=True)[0] == Progress("queued", place=place)


def test_progress_in_chunks_as_llama_cpp_tells_it() -> None:
    counts = [(100, 20, 20), (100, 20, 60), (100, 20, 100)]
    stream = b"".join(
        chunk({"role": "assistant", "content": None})[:-3]
        + b', "prompt_progress": {"total": %d, "cache": %d, "processed": %d}}\n\n' % count
        for count in counts
    )
    assert read(stream + TAIL, progress=True)[:3] == [
        Progress("processing", 20, 100, 0.0),
        Progress("processing", 60, 100, 0.5),
        Progress("done", 100, 100, 1.0),
    ]


def test_who_asks_for_no_progress_hears_none() -> None:
    stream = b": prefill_progress " + report("done", 1, 1, 1.0) + b"\n\n" + TAIL
    assert read(stream)[0] == Started("c1", "m")


@pytest.mark.parametrize("text", [b"{", b"[]", b'{"status":"gone"}', b'{"status":["x"]}', b"\xff"])
def test_a_report_that_is_none_is_passed_over(text: bytes) -> None:
    assert read(b": prefill_progress " + text + b"\n\n" + TAIL, progress=True)[0] == Started(
        "c1", "m"
    )
