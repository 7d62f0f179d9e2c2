"""About how many tokens a prompt is."""

from __future__ import annotations

from agent_requests import CLAUDE_CODE, CODEX, body_of
from translating import PARSERS

from strictwire.dialects import messages, responses
from strictwire.dialects.estimate import estimate_tokens
from strictwire.model.conversation import Audio, Conversation, File, Image, Text, Turn


def of_parts(*parts: Text | Image | File | Audio) -> int:
    return estimate_tokens(Conversation(turns=(Turn("user", parts),)))


def test_four_bytes_of_text_are_a_token() -> None:
    nothing = of_parts()
    assert of_parts(Text("x" * 400)) == nothing + 100
    assert of_parts(Text("\u00e9" * 400)) == nothing + 200


def test_media_count_whatever_their_size() -> None:
    nothing = of_parts()
    assert of_parts(Image("data:image/png;base64," + "A" * 9000)) == nothing + 1200
    assert of_parts(File("A" * 9000)) == nothing + 3000
    assert of_parts(Audio("A" * 4000, "wav")) == nothing + 10


def test_a_request_is_estimated_as_its_conversation() -> None:
    request = messages.parse_count_request(body_of(CLAUDE_CODE, max_tokens=None))
    # An image, and some hundred bytes of all else.
    assert 1200 < estimate_tokens(request) < 1500
    without = {**CLAUDE_CODE, "tools": []}
    assert estimate_tokens(PARSERS["messages"](body_of(without))) < estimate_tokens(request)


def test_what_cannot_be_read_is_text() -> None:
    request = responses.parse_request(body_of(CODEX, previous_response_id="resp_1"))
    assert estimate_tokens(request) == len(request.raw) // 4
