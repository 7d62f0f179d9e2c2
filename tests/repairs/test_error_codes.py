"""Servers' own words for a few causes, told by the codes that agents know."""

from __future__ import annotations

import pytest

from strictwire.model.errors import PeerError
from strictwire.repairs.error_codes import (
    CONTEXT_LENGTH_EXCEEDED,
    INSUFFICIENT_QUOTA,
    OVERLOADED,
    RATE_LIMIT_EXCEEDED,
    UNSUPPORTED_MODEL,
    name_cause,
    tells_wait,
)


def named(message: str, **fields: object) -> PeerError:
    error = PeerError(message, **fields)  # type: ignore[arg-type]
    name_cause(error)
    return error


CONTEXT = (
    "request (48011 tokens) exceeds the available context size (32768 tokens), try increasing it",
    "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens.",
    "prompt is too long: 213462 tokens > 200000 maximum",
    "Your input exceeds the context window of this model. Please adjust your input and try again.",
    "The input token count (1196265) exceeds the maximum number of tokens allowed (1048575).",
    "Please reduce the length of the messages or completion.",
    "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
    "Input is too long for requested model.",
    "Trying to keep the first 5000 tokens when context the overflows.",
    "The request exceeded the model's maximum context.",
    "The prompt is longer than the model's maximum context.",
    "Prompt contains 9000 tokens, too large for model with 8192 maximum context length.",
    "Context length of the model exceeded.",
)


@pytest.mark.parametrize("message", CONTEXT)
@pytest.mark.parametrize("status", [400, 413, 422, 500, 502])
def test_a_prompt_that_is_too_long(message: str, status: int) -> None:
    error = named(message, status=status)
    assert error.code == CONTEXT_LENGTH_EXCEEDED
    assert (error.status, error.type) == (400, "invalid_request_error"), "never worth a try more"
    assert error.message == message


def test_llama_cpp_says_it_by_its_type() -> None:
    error = named("No.", status=400, type="exceed_context_size_error", code="400")
    assert error.code == CONTEXT_LENGTH_EXCEEDED


@pytest.mark.parametrize("kind", ["image", "audio", "video"])
@pytest.mark.parametrize("status", [400, 500])
def test_what_the_model_cannot_take_in(kind: str, status: int) -> None:
    """llama.cpp's words, under the status of a defect: SDKs would ask twice more."""
    words = f"{kind} input is not supported - hint: you may need to provide the mmproj"
    error = named(words, status=status, code=str(status), type="server_error")
    assert (error.code, error.status) == (UNSUPPORTED_MODEL, 400)
    assert error.type == "invalid_request_error"


@pytest.mark.parametrize(
    "message",
    [
        "The model is still loading.",
        "max_tokens must be at least 1",
        "The context of this word is unclear.",
        "Invalid value for 'temperature'.",
        "",
    ],
)
@pytest.mark.parametrize("status", [400, 500])
def test_other_words_mean_nothing(message: str, status: int) -> None:
    assert named(message, status=status, code="x").code == "x"


def test_words_that_a_status_rules_out() -> None:
    limited = named("maximum context length tokens per minute", status=429)
    assert limited.code == RATE_LIMIT_EXCEEDED
    assert named("maximum context length", status=404).code is None


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"status": 429}, RATE_LIMIT_EXCEEDED),
        ({"status": 429, "code": "429"}, RATE_LIMIT_EXCEEDED),
        ({"status": 200, "type": "rate_limit_error"}, RATE_LIMIT_EXCEEDED),
        ({"status": 429, "code": "insufficient_quota"}, INSUFFICIENT_QUOTA),
        ({"status": 402}, INSUFFICIENT_QUOTA),
        ({"status": 502, "type": "billing_error"}, INSUFFICIENT_QUOTA),
        ({"status": 503}, OVERLOADED),
        ({"status": 529}, OVERLOADED),
        ({"status": 502, "type": "overloaded_error"}, OVERLOADED),
        ({"status": 503, "code": "slow_down"}, "slow_down"),
        ({"status": 400, "code": "invalid_prompt"}, "invalid_prompt"),
        ({"status": 502, "code": "upstream_unreachable"}, "upstream_unreachable"),
        ({"status": 401, "type": "rate_limit_error"}, None),
    ],
)
def test_a_status_or_a_name_is_enough(fields: dict[str, object], code: str | None) -> None:
    assert named("No.", **fields).code == code


@pytest.mark.parametrize(
    "message",
    [
        "You exceeded your current quota, please check your plan and billing details.",
        "Your credit balance is too low to access the Anthropic API.",
    ],
)
@pytest.mark.parametrize("status", [400, 429])
def test_no_credit_is_no_rate_limit(message: str, status: int) -> None:
    assert named(message, status=status).code == INSUFFICIENT_QUOTA


@pytest.mark.parametrize(
    ("message", "is_told"),
    [
        ("Rate limit reached. Please try again in 11.054s.", True),
        ("Please try again in 28ms.", True),
        ("try again in 3 seconds", True),
        ("Please try again in 6m0s.", False),
        ("Try again later.", False),
        ("x" * 3000 + "try again in 1s", False),
    ],
)
def test_when_to_come_back(message: str, is_told: bool) -> None:
    assert tells_wait(message) is is_told
