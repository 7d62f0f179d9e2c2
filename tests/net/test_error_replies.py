"""The words of an upstream's refusal: its own where it has some, ours told once where not."""

from __future__ import annotations

import json

import pytest

from strictwire.model.errors import CallerError, PeerError, WireError
from strictwire.model.request import Dialect
from strictwire.net.error_replies import format_error, upstream_refusal, word_for


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (404, b'{"error":{"message":"no such path"}}', "no such path"),
        (405, b'{"error":{"message":"no"}}', "The upstream answered with status 405: no"),
        (
            200,
            b"<title>Oops</title>",
            "The upstream answered 200 with an HTML page (Oops) instead of an API error.",
        ),
        (302, b"", "The upstream answered 302 without a body."),
    ],
)
def test_the_status_is_told_once(status: int, body: bytes, message: str) -> None:
    assert upstream_refusal(status, (), body).message == message


ANTHROPIC = (
    b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},'
    b'"request_id":"req_upstream"}'
)


def test_anthropics_words_in_openais_shape() -> None:
    refusal = upstream_refusal(529, (), ANTHROPIC)
    assert json.loads(format_error(refusal, "responses")) == {
        "error": {
            "message": "Overloaded",
            "type": "overloaded_error",
            "param": None,
            "code": "server_is_overloaded",
        }
    }


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (CallerError("No."), "invalid_request_error"),
        (CallerError("No.", status=401, type="authentication_error"), "authentication_error"),
        (CallerError("No.", status=404, code="model_not_found"), "not_found_error"),
        (CallerError("No.", status=405), "invalid_request_error"),
        (CallerError("No.", status=413), "request_too_large"),
        (WireError("No."), "api_error"),
        (PeerError("No.", status=429, code="rate_limit_exceeded"), "rate_limit_error"),
        (PeerError("No.", status=503), "overloaded_error"),
        (PeerError("No."), "api_error"),
    ],
)
def test_openais_words_in_anthropics_shape(error: WireError, kind: str) -> None:
    assert json.loads(format_error(error, "messages", "req_1")) == {
        "type": "error",
        "error": {"type": kind, "message": "No."},
        "request_id": "req_1",
    }


LLAMA_CPP = (
    b'{"error":{"code":400,"message":"request (48011 tokens) exceeds the available context size",'
    b'"type":"exceed_context_size_error","n_prompt_tokens":48011,"n_ctx":32768}}'
)


def test_an_overlong_prompt_in_the_words_that_each_agent_looks_for() -> None:
    dialects: tuple[Dialect, ...] = ("chat", "responses", "messages")
    for dialect in dialects:
        refusal = upstream_refusal(400, (), LLAMA_CPP)
        word_for(refusal, dialect)
        word_for(refusal, dialect)  # told once, however often it passes here
        assert (refusal.status, refusal.code) == (400, "context_length_exceeded")
        told = (
            "request (48011 tokens) exceeds the available context size "
            "(the prompt has 48011 tokens, the context 32768)"
        )
        is_claude = dialect == "messages"
        assert refusal.message == (f"prompt is too long: {told}" if is_claude else told)


def test_codex_is_told_when_to_come_back() -> None:
    told: dict[Dialect, str] = {"responses": " Please try again in 7s.", "chat": ""}
    for dialect, words in told.items():
        refusal = upstream_refusal(429, [(b"retry-after", b"7")], b'{"detail":"slow down"}')
        word_for(refusal, dialect)
        word_for(refusal, dialect)
        assert (refusal.message, refusal.retry_after) == (f"slow down{words}", "7")


def test_errors_of_our_own_keep_their_words() -> None:
    error = PeerError("The connection broke.", code="upstream_closed")
    word_for(error, "messages")
    assert (error.status, error.code, error.message) == (
        502,
        "upstream_closed",
        "The connection broke.",
    )


@pytest.mark.parametrize("status", [400, 413, 500])
@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("too much", "too much (the prompt has 48011 tokens, the context 32768)"),
        ("48011 tokens exceed 32768", "48011 tokens exceed 32768"),
    ],
)
def test_an_overlong_prompt_is_a_400_with_both_numbers(
    status: int, message: str, told: str
) -> None:
    error = {
        "code": status,
        "message": message,
        "type": "exceed_context_size_error",
        "n_prompt_tokens": 48011,
        "n_ctx": 32768,
    }
    refusal = upstream_refusal(status, (), json.dumps({"error": error}).encode())
    assert (refusal.status, refusal.type) == (400, "invalid_request_error")
    assert (refusal.code, refusal.message) == ("context_length_exceeded", told)


@pytest.mark.parametrize("counts", [{}, {"n_ctx": 1}, {"n_prompt_tokens": "1", "n_ctx": True}])
def test_numbers_that_were_not_told_are_not_made_up(counts: dict[str, object]) -> None:
    body = json.dumps({"error": {"message": "prompt is too long", **counts}}).encode()
    assert upstream_refusal(400, (), body).message == "prompt is too long"
