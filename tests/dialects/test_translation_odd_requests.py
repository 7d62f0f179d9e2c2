"""Requests that were spoiled somewhere: translated or refused, never a crash, nothing repeated."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from agent_requests import CLAUDE_CODE, CODEX, OPENCODE
from hypothesis import given
from hypothesis import strategies as st
from translating import PARSERS, TARGETS, translated

from strictwire.dialects.estimate import estimate_tokens
from strictwire.dialects.translation import translate
from strictwire.model.errors import CallerError
from strictwire.model.request import Dialect

MARK = "zebra-7f3a"
COMPLETION = {"model": "m", "prompt": "hi", "logprobs": 2, "stop": "x", "best_of": 1, "echo": False}
REQUESTS: list[tuple[Dialect, dict[str, Any]]] = [
    ("responses", CODEX),
    ("chat", OPENCODE),
    ("messages", CLAUDE_CODE),
    ("completions", COMPLETION),
]
# Fields that the requests above do not have.
FIELDS: dict[Dialect, tuple[str, ...]] = {
    "chat": (
        "n", "stop", "logprobs", "top_logprobs", "response_format", "modalities", "audio",
        "functions", "function_call", "reasoning_effort", "service_tier", "verbosity", "user",
        "parallel_tool_calls", "max_completion_tokens", "seed", "logit_bias", "metadata",
    ),
    "responses": (
        "text", "instructions", "max_output_tokens", "top_logprobs", "conversation", "prompt",
        "service_tier", "metadata", "truncation", "user", "store", "background",
    ),
    "messages": (
        "stop_sequences", "top_k", "temperature", "service_tier", "container", "tool_choice",
    ),
    "completions": ("suffix", "n", "user", "seed", "max_tokens"),
}  # fmt: skip
KINDS = st.sampled_from(
    (
        "text", "image_url", "file", "refusal", "custom", "function", "allowed_tools", "reasoning",
        "item_reference", "document", "image", "tool_result", "thinking", "namespace", "grammar",
        "json_schema", "base64", "enabled", "message", "input_file", "additional_tools",
    )
)  # fmt: skip
ODD = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 40) | st.floats(-1, 2) | st.just(MARK) | KINDS,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(("type", "name", "content", "tools", "x")), inner)
    ),
    max_leaves=4,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a value, the top left out."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for key, one in inner:
        found.append((*path, key))
        if isinstance(one, dict | list):
            found.extend(places(one, (*path, key)))
    return found


def spoiled(told: dict[str, Any], path: tuple[Any, ...], odd: Any) -> dict[str, Any]:
    value: Any = copy.deepcopy(told)
    at = value
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = odd
    result: dict[str, Any] = value
    return result


@pytest.mark.properties
@given(st.data())
def test_a_spoiled_request_is_translated_or_refused(data: st.DataObject) -> None:
    source, told = data.draw(st.sampled_from(REQUESTS))
    added = [(name,) for name in FIELDS[source]]
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from([*places(told), *added]))
        told = spoiled(told, path, data.draw(ODD))
    for target in TARGETS:
        error = refusal_of(source, told, target)
        assert error is None or (error.status == 400 and len(error.message) < 400)
        assert MARK not in (f"{error.message} {error.param}" if error else "")


def refusal_of(source: Dialect, told: dict[str, Any], target: Dialect) -> CallerError | None:
    try:
        request = PARSERS[source](json.dumps(told).encode())
        translation = translate(request, source, target)
    except CallerError as error:
        return error
    assert json.loads(translation.request.raw)["model"] == request.model
    assert estimate_tokens(request) > 0
    return None


@pytest.mark.parametrize("target", ["responses", "messages"])
def test_no_depth_crashes_the_translation(target: Dialect) -> None:
    for depth in (10, 200, 400, 900):
        parameters: dict[str, Any] = {}
        for _ in range(depth):
            parameters = {"a": parameters}
        tool = {"type": "function", "function": {"name": "f", "parameters": parameters}}
        error = refusal_of("chat", {**OPENCODE, "tools": [tool]}, target)
        assert error is None or depth > 200


def test_the_names_of_what_was_dropped_are_few_and_fit_a_header() -> None:
    fields = {f"x-{number}-\r\n\u00e9" + "y" * 100: 1 for number in range(200)}
    dropped = translated("chat", "messages", **fields).dropped
    assert len(dropped) == 48
    assert all(len(name) <= 64 and name.isascii() and name.isprintable() for name in dropped)
