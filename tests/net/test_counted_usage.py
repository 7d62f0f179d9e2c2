"""Usage that llama.cpp tells in part: what is added depends on its kind and on the request."""

from __future__ import annotations

import json
from typing import Any

import pytest
from kind_stand import Asked, Body, Played, Reply, as_stream, played

from strictwire.config import KindName

BASE: Body = {"id": "chatcmpl-1", "created": 1, "model": "m"}


def usage_of(prompt: int, completion: int) -> Body:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


def thinking(asked: Asked) -> Reply:
    """Three pieces of a thought, and an answer."""
    deltas = [*({"reasoning_content": text} for text in ("so", ",", " well")), {"content": "4"}]
    chunks = [
        {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas
    ]
    end: list[Body] = [
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {"choices": [], "usage": usage_of(5, 8)},
    ]
    return as_stream(*({**BASE, "object": "chat.completion.chunk", **one} for one in chunks + end))


@pytest.mark.parametrize(
    ("kind", "right"), [("llama.cpp", 3), ("engine", 3), ("vllm", None), ("auto", None)]
)
@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
async def test_reasoning_is_counted_where_a_piece_is_a_token(
    kind: KindName, right: int | None, stream: bool
) -> None:
    async with played(Played(thinking), kind=kind) as gateway:
        fields: Body = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
        heard = await gateway.turn("chat", **fields)
        told = [json.loads(one) for one in heard.data if one != b"[DONE]"] if stream else []
        usage: Any = told[-1]["usage"] if stream else json.loads(heard.body)["usage"]
        assert usage.get("completion_tokens_details", {}).get("reasoning_tokens") == right


def two_prompts(asked: Asked) -> Reply:
    """Each prompt's answer ends with what itself used."""
    ends = [
        {
            **BASE,
            "object": "text_completion",
            "choices": [{"index": at, "text": "a", "logprobs": None, "finish_reason": "stop"}],
            "usage": usage_of(prompt, completion),
            "timings": {"predicted_n": completion},
        }
        for at, prompt, completion in ((1, 5, 6), (0, 3, 10))
    ]
    return as_stream(None, *ends)


async def test_prompts_and_completions_are_summed() -> None:
    async with played(Played(two_prompts), kind="llama.cpp") as gateway:
        heard = await gateway.turn("completions", prompt=["Hello", "The licence is"])
        assert json.loads(heard.body)["usage"] == usage_of(8, 16)
