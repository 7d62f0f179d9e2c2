"""Sealed reasoning from one dialect to another and back: each seal once, and as what it was."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from relay.playing import PROMISE, play
from strictwire.dialects.chat.request import parse_request
from strictwire.dialects.messages.request import parse_request as parse_messages
from strictwire.dialects.translation import translate
from strictwire.model.request import Dialect

FROM_CHAT = replace(PROMISE, upstream="chat", is_stream=False)
TO_CHAT = replace(PROMISE, dialect="chat", upstream="messages", is_stream=False)


def chat_reply(*deltas: dict[str, Any]) -> bytes:
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": "stop"})
    frames = [f"data: {json.dumps({**head, 'choices': [one]})}\n\n" for one in choices]
    return ("".join(frames) + "data: [DONE]\n\n").encode()


def message_reply(*blocks: dict[str, Any]) -> bytes:
    usage = {"input_tokens": 1, "output_tokens": 1}
    told = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "usage": usage}
    told |= {"content": blocks, "stop_reason": "end_turn", "stop_sequence": None}
    return json.dumps(told).encode()


@pytest.mark.parametrize(
    ("detail", "block"),
    [
        (
            {"type": "reasoning.encrypted", "data": "seal"},
            {"type": "thinking", "thinking": "so", "signature": "seal"},
        ),
        (
            {"type": "reasoning.text", "text": "so", "signature": "seal"},
            {"type": "thinking", "thinking": "so", "signature": "seal"},
        ),
    ],
)
def test_a_seal_of_a_chat_server_is_told_once(detail: dict[str, Any], block: Any) -> None:
    reply = chat_reply(
        {"reasoning_content": "so"}, {"reasoning_details": [detail, "nothing"]}, {"content": "hi"}
    )
    told = json.loads(play(reply, replace(FROM_CHAT, dialect="messages")).out)
    assert told["content"] == [block, {"type": "text", "text": "hi"}]


def test_what_is_only_its_seal_is_told_once_by_each_dialect() -> None:
    detail = {"type": "reasoning.encrypted", "data": "seal", "id": "rs_redacted_1"}
    reply = chat_reply({"reasoning_details": [detail]}, {"content": "hi"})
    message = json.loads(play(reply, replace(FROM_CHAT, dialect="messages")).out)
    assert message["content"][0] == {"type": "redacted_thinking", "data": "seal"}
    assert len(message["content"]) == 2
    response = json.loads(play(reply, replace(FROM_CHAT, dialect="responses")).out)
    reasoning = response["output"][0]
    assert (reasoning["id"], reasoning["encrypted_content"]) == ("rs_redacted_1", "seal")


@pytest.mark.parametrize("upstream", ["messages", "responses"])
def test_redacted_thinking_comes_back_through_a_chat_client(upstream: Dialect) -> None:
    blocks = (
        {"type": "thinking", "thinking": "so", "signature": "seal"},
        {"type": "redacted_thinking", "data": "all of it"},
        {"type": "text", "text": "hi"},
    )
    message = json.loads(play(message_reply(*blocks), TO_CHAT).out)["choices"][0]["message"]
    asked = {"model": "m", "messages": [{"role": "user", "content": "a"}, message]}
    fields = parse_request(json.dumps(asked).encode())
    told = json.loads(json.dumps(translated(fields, upstream)))
    if upstream == "messages":
        assert told["messages"][1]["content"] == list(blocks)
    else:
        kinds = [(one["id"][:12], one["encrypted_content"]) for one in told["input"][1:3]]
        assert kinds == [("rs_1_0", "seal"), ("rs_redacted_", "all of it")]


def test_redacted_thinking_of_a_messages_client_is_named_so_for_a_chat_server() -> None:
    blocks = [{"type": "redacted_thinking", "data": "all of it"}, {"type": "text", "text": "hi"}]
    said = [{"role": "user", "content": "a"}, {"role": "assistant", "content": blocks}]
    asked = {"model": "m", "max_tokens": 9, "messages": [*said, said[0]]}
    request = parse_messages(json.dumps(asked).encode())
    made = translate(request, "messages", "chat").request
    told = json.loads(made.raw)
    (detail,) = told["messages"][1]["reasoning_details"]
    assert detail["id"].startswith("rs_redacted_")


def translated(request: Any, upstream: Dialect) -> Any:
    return json.loads(translate(request, "chat", upstream).request.raw)
