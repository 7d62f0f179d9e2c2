"""The streams that the bench plays are what they claim to be."""

from __future__ import annotations

import json
from typing import Any

import pytest
from bench.load import render_request
from bench.streams import PATHS, STREAMS, TEXT_MARK, Dialect, Script, Stream, find_script

TEXTS = 100


def _data(body: bytes) -> list[str]:
    """The data of every frame, by way of the HTTP chunks."""
    payload = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size, 16)
        payload, body = payload + body[:length], body[length + 2 :]
    frames = payload.decode().split("\n\n")
    assert frames.pop() == ""
    return [frame.removeprefix("data: ") for frame in frames]


CHAT = {name: stream for name, stream in STREAMS.items() if stream.upstream == "chat"}


def _choices(stream: Stream) -> list[dict[str, Any]]:
    frames = [data for data in _data(stream.whole(TEXTS)) if data != "[DONE]"]
    return [json.loads(frame)["choices"][0] for frame in frames]


@pytest.mark.parametrize("stream", CHAT.values(), ids=list(CHAT))
def test_the_mark_counts_the_texts(stream: Stream) -> None:
    body = stream.whole(TEXTS)
    assert body.count(TEXT_MARK) == TEXTS
    assert len(stream.pieces(TEXTS)) == TEXTS * stream.pieces_per_text
    assert body.endswith(b"0\r\n\r\n")
    texts = [value for choice in _choices(stream) for value in choice["delta"].values()]
    assert sum(text.startswith(" ") for text in texts) == TEXTS


def test_healthy_is_strict() -> None:
    choices = _choices(STREAMS["healthy"])
    assert _data(STREAMS["healthy"].whole(1))[-1] == "[DONE]"
    assert choices[0]["delta"] == {"role": "assistant"}
    assert choices[-1] == {**choices[-1], "delta": {}, "finish_reason": "stop"}
    assert all(set(choice["delta"]) == {"content"} for choice in choices[1:-1])
    assert all(choice["finish_reason"] is None for choice in choices[:-1])
    sizes = [len(piece) for piece in STREAMS["healthy"].cycle]
    assert 210 < sum(sizes) / len(sizes) < 260


@pytest.mark.parametrize("name", ["quirky", "quirky-empty", "quirky-reasoning"])
def test_quirky_has_its_quirks_in_every_chunk(name: str) -> None:
    choices = _choices(STREAMS[name])
    assert all(choice["delta"]["role"] == "assistant" for choice in choices)
    assert all("content" in choice["delta"] for choice in choices)
    assert [choice["finish_reason"] for choice in choices[:-1]] == [""] * (len(choices) - 1)
    assert choices[-1]["finish_reason"] == "stop"
    assert b"[DONE]" not in STREAMS[name].whole(TEXTS)


def test_a_script_travels_in_the_model_name() -> None:
    script = Script("quirky-empty", "flat", 1000, "m7")
    request = render_request(8080, script.model())
    head, _, body = request.partition(b"\r\n\r\n")
    assert len(body) == 1024
    assert b"content-length: 1024" in head
    assert find_script(body) == script
    # A gateway may write the body anew, closer or wider.
    assert find_script(json.dumps(json.loads(body), separators=(",", ":")).encode()) == script
    assert find_script(b'{"model":"gpt-4"}') is None
    assert find_script(b'{"model":"bench.unknown.flat.0.0"}') is None


def test_a_responses_stream_counts_and_ends_with_its_text() -> None:
    frames = [frame.split("\ndata: ") for frame in _data(STREAMS["responses"].whole(TEXTS))]
    events = [json.loads(data) for _, data in frames]
    assert [f"event: {event['type']}" for event in events] == [head for head, _ in frames]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    text = "".join(event["delta"] for event in events if "delta" in event)
    assert text == events[-1]["response"]["output"][0]["content"][0]["text"]
    assert text.count(" ") == TEXTS


def test_a_messages_stream_is_begun_and_ended() -> None:
    frames = [frame.split("\ndata: ") for frame in _data(STREAMS["messages"].whole(TEXTS))]
    kinds = [json.loads(data)["type"] for _, data in frames]
    assert kinds[:3] == ["message_start", "ping", "content_block_start"]
    assert kinds[3:-3] == ["content_block_delta"] * TEXTS
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]


@pytest.mark.parametrize("dialect", ["chat", "responses", "messages"])
def test_a_request_is_of_one_kilobyte_in_each_dialect(dialect: Dialect) -> None:
    request = render_request(8080, Script("healthy", "flat").model(), dialect)
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(f"POST {PATHS[dialect]} ".encode())
    assert (len(body), json.loads(body)["stream"]) == (1024, True)
