"""A gateway in front of a server that has only some of the dialects' paths.

``Speaker`` notes what it was asked, path by path, and answers each dialect strictly with a few
words, as a stream or whole. ``asked`` gives the paths since the last look.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from gateway_stand import Gateway, Heard, Visit, gateway_for, scripted, sized

from strictwire.model.request import Dialect

PATHS: dict[Dialect, str] = {
    "chat": "/v1/chat/completions",
    "completions": "/v1/completions",
    "responses": "/v1/responses",
    "messages": "/v1/messages",
}
DIALECT_AT = {path: dialect for dialect, path in PATHS.items()}
Body = dict[str, Any]
# (status, body) for a request that is refused, else None.
Refuse = Callable[["Asked"], tuple[int, object] | None]


@dataclass
class Asked:
    """One request as the upstream saw it."""

    path: str
    headers: dict[str, str]
    body: Body

    @property
    def dialect(self) -> Dialect | None:
        return DIALECT_AT.get(self.path)


@dataclass
class Speaker:
    gateway: Gateway
    url: str
    requests: list[Asked] = field(default_factory=list)

    def asked(self) -> list[str]:
        paths = [one.path.removeprefix("/v1") for one in self.requests]
        self.requests.clear()
        return paths

    async def ask(self, dialect: Dialect, *headers: str, **fields: Any) -> Heard:
        body = json.dumps({**BODIES[dialect], **fields}).encode()
        return await self.gateway.ask("POST", PATHS[dialect], *headers, body=body)


BODIES: dict[Dialect, Body] = {
    "chat": {"model": "m", "messages": [{"role": "user", "content": "hello"}]},
    "completions": {"model": "m", "prompt": "hello"},
    "responses": {"model": "m", "input": "hello"},
    "messages": {
        "model": "m",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "hello"}],
    },
}


@asynccontextmanager
async def speaker(
    *dialects: Dialect,
    refuse: Refuse = lambda asked: None,
    missing: tuple[int, object] = (404, {"detail": "Not Found"}),
    headers: tuple[str, ...] = (),
    **options: Any,
) -> AsyncIterator[Speaker]:
    """A server that has the paths of ``dialects``, and says ``missing`` on all others."""
    requests: list[Asked] = []

    async def script(visit: Visit) -> None:
        while True:
            body = json.loads(await visit.request() or b"null")
            asked = _asked(visit.heads[-1], body)
            requests.append(asked)
            refusal = missing if asked.dialect not in dialects else refuse(asked)
            if refusal is not None:
                status, told = refusal
                await visit.send(sized(_bytes(told), *headers, status=f"{status} No"))
                continue
            assert asked.dialect is not None
            is_stream = bool(body.get("stream"))
            answer = stream_of(asked.dialect) if is_stream else _bytes(WHOLE[asked.dialect])
            kind = "text/event-stream" if is_stream else "application/json"
            await visit.send(sized(answer, f"content-type: {kind}", *headers))

    async with scripted(script) as upstream, gateway_for(upstream.url, **options) as gateway:
        yield Speaker(gateway, upstream.url, requests)


def _asked(head: bytes, body: Body) -> Asked:
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines if line)
    return Asked(first.split(" ")[1], {n.lower(): v for n, v in headers.items()}, body)


def _bytes(told: object) -> bytes:
    return told.encode() if isinstance(told, str) else json.dumps(told).encode()


# ---- what the server answers ----

_USAGE = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
_CHAT = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
_TEXT = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "m"}
_PART = {"type": "output_text", "text": "fine", "annotations": [], "logprobs": []}
_ITEM = {"type": "message", "id": "msg_1", "role": "assistant"}
_RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "model": "m",
    "status": "completed",
    "output": [{**_ITEM, "status": "completed", "content": [_PART]}],
    "usage": {"input_tokens": 3, "output_tokens": 1, "total_tokens": 4},
}
_MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "fine"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 1},
}
WHOLE: dict[Dialect, Body] = {
    "chat": {
        **_CHAT,
        "object": "chat.completion",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "fine"},
                "finish_reason": "stop",
            }
        ],
        "usage": _USAGE,
    },
    "completions": {
        **_TEXT,
        "choices": [{"index": 0, "text": "fine", "logprobs": None, "finish_reason": "stop"}],
        "usage": _USAGE,
    },
    "responses": _RESPONSE,
    "messages": _MESSAGE,
}


def _choices(first: Body, last: Body) -> list[Body]:
    return [
        {"choices": [{"index": 0, **first, "finish_reason": None}]},
        {"choices": [{"index": 0, **last, "finish_reason": "stop"}]},
    ]


_AT = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
_EVENTS: dict[Dialect, list[Body]] = {
    "chat": [
        {**_CHAT, **one}
        for one in _choices({"delta": {"role": "assistant", "content": "fine"}}, {"delta": {}})
    ],
    "completions": [{**_TEXT, **one} for one in _choices({"text": "fine"}, {"text": ""})],
    "responses": [
        {"type": "response.created", "response": {**_RESPONSE, "output": []}},
        {"type": "response.output_item.added", "output_index": 0, "item": _ITEM},
        {"type": "response.output_text.delta", **_AT, "delta": "fine"},
        {"type": "response.completed", "response": _RESPONSE},
    ],
    "messages": [
        {"type": "message_start", "message": {**_MESSAGE, "content": [], "stop_reason": None}},
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "text", "text": ""},
        },
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "text_delta", "text": "fine"},
        },
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": 1},
        },
        {"type": "message_stop"},
    ],
}


def stream_of(dialect: Dialect) -> bytes:
    """The answer as a stream."""
    frames = []
    for event in _EVENTS[dialect]:
        name = f"event: {event['type']}\n" if "type" in event else ""
        frames.append(f"{name}data: {json.dumps(event)}\n\n")
    done = "" if dialect == "messages" else "data: [DONE]\n\n"
    return ("".join(frames) + done).encode()


# ---- what the client hears ----


def text_of(dialect: Dialect, heard: Heard) -> str:
    """The answer's text, of a stream or of an object."""
    if heard.headers["content-type"].startswith("text/event-stream"):
        values = [json.loads(one) for one in heard.data if one.startswith(b"{")]
        return "".join(_delta(dialect, value) for value in values)
    value = heard.json
    match dialect:
        case "chat":
            text: str = value["choices"][0]["message"]["content"]
        case "completions":
            text = value["choices"][0]["text"]
        case "responses":
            text = value["output"][0]["content"][0]["text"]
        case "messages":
            text = value["content"][0]["text"]
    return text


def _delta(dialect: Dialect, value: Body) -> str:
    match dialect:
        case "chat":
            return value["choices"][0]["delta"].get("content") or "" if value["choices"] else ""
        case "completions":
            return value["choices"][0]["text"] if value["choices"] else ""
        case "responses":
            return value["delta"] if value["type"] == "response.output_text.delta" else ""
        case "messages":
            return value["delta"].get("text", "") if "delta" in value else ""
