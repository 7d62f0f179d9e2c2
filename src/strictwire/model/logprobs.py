"""The token probabilities of a completion: lists side by side, told piece by piece."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def joined_logprobs(pieces: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    """One object of what the pieces told: lists grow, of all else the last word counts. The
    pieces themselves are not changed. None where there are none."""
    joined: dict[str, Any] | None = None
    for told in pieces:
        joined = joined if joined is not None else {}
        for name, value in told.items():
            before = joined.get(name)
            if isinstance(value, list) and isinstance(before, list):
                before.extend(value)
            elif value is not None or name not in joined:
                joined[name] = list(value) if isinstance(value, list) else value
    return joined


def side_by_side(told: Iterable[Any], offset: int) -> tuple[dict[str, Any], int]:
    """Chat's list of tokens as a completion tells it, and where the next token begins. The offsets,
    which chat does not tell, count the characters of the tokens; ``offset`` is where these begin.
    """
    tokens = [token for token in told if isinstance(token, dict)]
    texts = [str(token.get("token", "")) for token in tokens]
    offsets: list[int] = []
    for text in texts:
        offsets.append(offset)
        offset += len(text)
    lists = {
        "tokens": texts,
        "token_logprobs": [token.get("logprob") for token in tokens],
        "top_logprobs": [_rivals(token.get("top_logprobs")) for token in tokens],
        "text_offset": offsets,
    }
    return lists, offset


def _rivals(told: Any) -> dict[str, Any]:
    rivals = told if isinstance(told, list) else ()
    return {
        str(rival["token"]): rival.get("logprob")
        for rival in rivals
        if isinstance(rival, dict) and "token" in rival
    }
