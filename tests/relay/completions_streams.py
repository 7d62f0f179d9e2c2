"""Text completion streams for tests: chunks and frames as most servers spell them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from relay.playing import PROMISE

DONE = b"data: [DONE]\n\n"
COUNTS = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
ASKED = replace(PROMISE, dialect="completions", choices=1)
WITH_USAGE = replace(ASKED, includes_usage=True)
WHOLE = replace(ASKED, is_stream=False)


def said(text: Any, index: int = 0, finish: Any = None, **more: Any) -> dict[str, Any]:
    return {"text": text, "index": index, "logprobs": None, "finish_reason": finish, **more}


def chunk(*choices: Any, **more: Any) -> dict[str, Any]:
    return {
        "id": "cmpl-x",
        "object": "text_completion",
        "created": 5,
        "model": "m",
        "choices": list(choices),
        **more,
    }


def encoded(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def frame(*choices: Any, **more: Any) -> bytes:
    return b"data: %b\n\n" % encoded(chunk(*choices, **more))


def text_frame(text: str, index: int = 0, **more: Any) -> bytes:
    return frame(said(text, index), **more)


def finish_frame(reason: str = "stop", index: int = 0, **more: Any) -> bytes:
    return frame(said("", index, reason), **more)


def logprobs(*tokens: str, offset: int = 0) -> dict[str, Any]:
    return {
        "tokens": list(tokens),
        "token_logprobs": [-0.5] * len(tokens),
        "top_logprobs": [{token: -0.5} for token in tokens],
        "text_offset": [offset + len("".join(tokens[:at])) for at in range(len(tokens))],
    }
