"""The dialect that a body says it is in, from its own words."""

from __future__ import annotations

import pytest

from conformance import bodies, messages_bodies, responses_bodies
from strictwire.conformance import dialect_of

BODIES = {
    "chat": bodies.HEALTHY,
    "a whole chat": bodies.encode(bodies.whole()),
    "a text completion": b'data: {"object":"text_completion"}\n\n',
    "responses": responses_bodies.HEALTHY,
    "responses without event names": b'data: {"type":"response.created"}\n\n',
    "responses without types": b"event: response.created\ndata: {}\n\n",
    "a whole response": bodies.encode(
        responses_bodies.response("completed", output=[responses_bodies.message()])
    ),
    "messages": messages_bodies.HEALTHY,
    "messages without event names": b'data: {"type":"content_block_delta"}\n\n',
    "messages without types": b"event: message_start\ndata: {}\n\n",
    "a whole message": bodies.encode(messages_bodies.WHOLE),
    "Anthropic's error": b'{"type": "error", "error": {"type": "api_error"}}',
    "OpenAI's error": b'{"error":{"type":"error"}}',
    "nothing": b"",
    "chat that speaks of messages": bodies.stream(
        bodies.chunk(bodies.choice({"content": '{"type":"message"} event: message_start'}))
    ),
}
SAID = {
    "a text completion": "completions",
    **{name: "responses" for name in BODIES if "response" in name},
    **{name: "messages" for name in BODIES if "message" in name or name == "Anthropic's error"},
    "chat that speaks of messages": "chat",
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_says_its_dialect(name: str) -> None:
    assert dialect_of(BODIES[name]) == SAID.get(name, "chat")
