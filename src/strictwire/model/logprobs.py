"""The token probabilities of a completion: parallel lists, told piece by piece."""

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
