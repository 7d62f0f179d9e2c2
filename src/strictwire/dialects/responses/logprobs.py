"""Token probabilities of a text, from chat's shape: with the bytes that this dialect requires."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def token_logprobs(choice: Mapping[str, Any]) -> list[Any] | None:
    """The tokens beside a text in ``Extra.choice``; None where none were told."""
    told = choice.get("logprobs")
    tokens = told.get("content") if isinstance(told, dict) else None
    if not isinstance(tokens, list):
        return None
    return [_whole(token) for token in tokens if isinstance(token, dict)]


def _whole(token: dict[str, Any]) -> dict[str, Any]:
    rivals = token.get("top_logprobs")
    kept = [_with_bytes(one) for one in rivals] if isinstance(rivals, list) else []
    return {**_with_bytes(token), "top_logprobs": kept}


def _with_bytes(token: Any) -> dict[str, Any]:
    told = token if isinstance(token, dict) else {}
    text = told.get("token")
    text = text if isinstance(text, str) else ""
    spelled = told.get("bytes")
    if not isinstance(spelled, list):
        spelled = list(text.encode("utf-8", "replace"))
    return {**told, "token": text, "logprob": told.get("logprob", 0.0), "bytes": spelled}
