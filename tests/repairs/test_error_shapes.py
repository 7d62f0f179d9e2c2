"""Errors inside a stream, in every shape that was seen: each ends the reply in its own words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from relay.chat_streams import DONE, ROLE, chunk, said, text_frame
from repairs.seen import seen

ERRORS: dict[str, Any] = {
    "OpenAI's": {"error": {"message": "no", "type": "server_error"}},
    "a string": {"error": "no"},
    "detail": {"detail": "no"},
    "a list of details": {"detail": [{"loc": ["body"], "msg": "no"}]},
    "message and code": {"message": "no", "code": 500},
    "message and a word": {"message": "no", "code": "overloaded"},
    "message and status": {"message": "no", "status": 503},
    "nothing but a message": {"message": "no"},
    "message and type": {"message": "no", "type": "internal_error"},
    "error_msg": {"error_msg": "no", "error_code": 336503},
    "a list of errors": {"errors": [{"message": "no"}]},
    "no success": {"success": False, "msg": "no"},
    "an object of its own": {"object": "error", "message": "no", "code": 40303},
    "Anthropic's": {"type": "error", "error": {"type": "overloaded_error", "message": "no"}},
    "base_resp": {"choices": None, "base_resp": {"status_code": 1004, "status_msg": "no"}},
    "beside a choice": chunk([said({}, finish="error")], error={"code": 502, "message": "no"}),
}


@pytest.mark.parametrize("told", ERRORS.values(), ids=ERRORS)
def test_an_error_in_any_shape_ends_the_reply_in_its_words(told: Any) -> None:
    body = ROLE + text_frame("a") + b"data: %b\n\n" % json.dumps(told).encode() + DONE
    one = seen(body)
    assert one.choice.text == "a"
    assert one.error is not None
    assert one.error.endswith("no")


@pytest.mark.parametrize("data", [b'{"info":"no"}', b"no", b'{"message":"no","x":1}'])
def test_an_event_that_is_named_an_error_is_one(data: bytes) -> None:
    one = seen(ROLE + text_frame("a") + b"event: error\ndata: %b\n\n" % data + DONE)
    assert one.error is not None
    assert "no" in one.error


NO_ERRORS: dict[str, Any] = {
    "a status": {"status": "loading", "message": "wait"},
    "a tool's result": {"type": "mcp_tool_result", "message": "done", "code": 0},
    "success": {"success": True, "message": "fine", "code": "200"},
    "an empty error": {"error": None, "x": 1},
}


@pytest.mark.parametrize("told", NO_ERRORS.values(), ids=NO_ERRORS)
def test_what_only_speaks_is_no_error(told: Any) -> None:
    body = ROLE + b"data: %b\n\n" % json.dumps(told).encode() + text_frame("a") + DONE
    one = seen(body)
    assert (one.error, one.choice.text) == (None, "a")
