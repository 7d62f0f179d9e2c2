"""``logprobs`` of a chat choice: both lists, and each token with its bytes and its rivals.

Source: OpenAI API reference, "The chat completion object"; docs/contract.md, "Whole objects".
"""

from __future__ import annotations

from typing import Any

LISTS = ("content", "refusal")


def is_well_shaped(logprobs: Any) -> bool:
    if logprobs is None:
        return True
    if not isinstance(logprobs, dict) or not all(name in logprobs for name in LISTS):
        return False
    return all(
        logprobs[name] is None
        or (isinstance(logprobs[name], list) and all(map(_is_token, logprobs[name])))
        for name in LISTS
    )


def _is_token(token: Any) -> bool:
    rivals = token.get("top_logprobs") if isinstance(token, dict) else None
    return isinstance(rivals, list) and all(map(_is_probability, (token, *rivals)))


def _is_probability(told: Any) -> bool:
    """What a token and each of its rivals must say."""
    return (
        isinstance(told, dict)
        and isinstance(told.get("token"), str)
        and isinstance(told.get("logprob"), int | float)
        and not isinstance(told["logprob"], bool)
        and isinstance(told.get("bytes", 0), list | None)
    )
