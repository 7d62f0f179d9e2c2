"""What kind a server is: each sign proves one kind, and nothing else proves any."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strictwire.config import SERVER_KINDS
from strictwire.routing.kinds import (
    MAX_REFUSAL_BYTES,
    Found,
    FoundKind,
    kind_of_headers,
    kind_of_models,
    kind_of_props,
    kind_of_refusal,
    kind_of_url,
)

PYTHON = [(b"server", b"BaseHTTP/0.6 Python/3.11.7")]
UVICORN = [(b"date", b"Sat, 21 Nov 2026 00:08:43 GMT"), (b"server", b"uvicorn")]


def models(*entries: dict[str, Any]) -> bytes:
    return json.dumps({"object": "list", "data": [{"id": "m", **one} for one in entries]}).encode()


def kind(found: Found | None) -> str | None:
    assert found is None or found.sign
    return None if found is None else found.kind


def by_reply(found: Found | None) -> str | None:
    """A reply may say anything: it must not lead a key into another header."""
    assert found is None or SERVER_KINDS[found.kind].key_header == "authorization"
    return kind(found)


def test_each_kind_that_is_found_is_one_of_the_settings() -> None:
    assert set(get_args(FoundKind)) < set(SERVER_KINDS)
    assert not {"auto", "engine"} & set(get_args(FoundKind))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://api.openai.com/v1", "openai"),
        ("https://api.anthropic.com/v1", "anthropic"),
        ("https://openrouter.ai/api/v1", "openrouter"),
        ("https://me.openai.azure.com/openai/v1", "azure"),
        # Close, and somebody else's: no key goes in another place for these.
        ("https://api.openai.com.example.net/v1", None),
        ("https://openai.azure.com/v1", None),
        ("https://notapi.anthropic.com/v1", None),
        ("https://me.services.ai.azure.com/anthropic/v1", None),
        ("http://127.0.0.1:8080/api.openai.com", None),
        ("http://[::1]:8080/v1", None),
    ],
)
def test_a_host_with_a_name_of_its_own(url: str, expected: str | None) -> None:
    assert kind(kind_of_url(url)) == expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([(b"server", b"llama.cpp")], "llama.cpp"),
        (
            [*UVICORN, (b"access-control-allow-headers", b"A, X-SwiftLM-Prefill-Progress")],
            "swiftlm",
        ),
        (UVICORN, None),
        (PYTHON, None),
        ([(b"server", b"llama.cpp-proxy")], None),
        ([(b"x-server", b"llama.cpp")], None),
        ([], None),
    ],
)
def test_any_replys_head(headers: list[tuple[bytes, bytes]], expected: str | None) -> None:
    assert by_reply(kind_of_headers(headers)) == expected
    # A list of models proves at least what its head does.
    assert by_reply(kind_of_models(headers, b"")) == (
        expected or ("mlx-lm" if headers == PYTHON else None)
    )


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        ([], models({"owned_by": "llamacpp", "meta": {"n_ctx": 4096}}), "llama.cpp"),
        (UVICORN, models({"owned_by": "vllm", "max_model_len": 2048}), "vllm"),
        (UVICORN, models({"owned_by": "sglang"}), "sglang"),
        ([], models({"owned_by": "someone"}, {"owned_by": "library"}), "ollama"),
        ([], models({"owned_by": "organization_owner"}), "lm-studio"),
        (PYTHON, models({"created": 1}), "mlx-lm"),
        (PYTHON, b"", "mlx-lm"),
        # Not mlx-lm: it tells an owner, or no list.
        (PYTHON, models({"owned_by": "me"}), None),
        (PYTHON, b"<html>", None),
        (UVICORN, models({}), None),
        ([], models({"owned_by": ["vllm"]}), None),
        ([], b'{"data":{"owned_by":"vllm"}}', None),
        ([], b'["vllm"]', None),
        ([], b"Internal Server Error", None),
        ([], b"[" * 100_000, None),
    ],
)
def test_a_list_of_models(
    headers: list[tuple[bytes, bytes]], body: bytes, expected: str | None
) -> None:
    assert by_reply(kind_of_models(headers, body)) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            {"total_slots": 2, "default_generation_settings": {"params": {}, "n_ctx": 1}},
            "llama.cpp",
        ),
        ({"total_slots": 1, "default_generation_settings": {"n_ctx": 1}}, None),
        ({"total_slots": True, "default_generation_settings": {"params": {}}}, None),
        ({"default_generation_settings": {"params": {}}}, None),
        ({"error": "Not Found"}, None),
        ([], None),
    ],
)
def test_props(value: Any, expected: str | None) -> None:
    assert by_reply(kind_of_props(json.dumps(value).encode())) == expected


@pytest.mark.parametrize(
    ("status", "detail", "expected"),
    [
        (422, "Unexpected fields in the request: {'min_p', 'top_k'}", "transformers"),
        (400, "Unexpected fields in the request: {'min_p'}", None),
        (422, "Server is pinned to 'a'; Unexpected fields in the request: {", None),
        (422, [{"type": "missing", "loc": ["body"], "msg": "Field required"}], None),
        (422, "Unexpected fields in the request: {" + "x" * MAX_REFUSAL_BYTES, None),
    ],
)
def test_the_words_of_a_refusal(status: int, detail: Any, expected: str | None) -> None:
    body = json.dumps({"detail": detail}).encode()
    assert by_reply(kind_of_refusal(status, body)) == expected


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["data", "owned_by", "detail", "total_slots"]), inner)
    ),
    max_leaves=8,
)


@given(_json, st.binary(max_size=20))
def test_no_reply_can_break_it(value: Any, junk: bytes) -> None:
    for body in (json.dumps(value).encode(), junk):
        kind_of_models(PYTHON, body)
        kind_of_props(body)
        kind_of_refusal(422, body)
