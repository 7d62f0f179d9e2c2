"""The rule for a chat choice's token probabilities."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from strictwire.repairs.rule import ChoiceRule

# OpenAI API reference, "The chat completion object": logprobs.
_UNLIKELY = -9999.0


@dataclass(slots=True)
class LogprobsLists(ChoiceRule):
    """Give ``logprobs`` both its lists, and each token its probability, its bytes and its rivals.

    The schema requires them: a list or bytes that were not told are null, rivals an empty list. A
    probability that is no number (minus infinity, for one, which JSON has no word for) is the
    -9999 that OpenAI says of a token that is very unlikely.
    """

    name = "chat.logprobs-lists"
    title = "logprobs lacks one of its lists, or a token lacks its keys"
    quirks = (87, 88)
    evidence = "lab:logprobs-one-list"

    def mend(self, choice: dict[str, Any]) -> dict[str, Any]:
        logprobs = choice.get("logprobs")
        if logprobs is None:
            return choice
        if not isinstance(logprobs, dict):
            return choice | {"logprobs": None}
        lists = {name: _tokens(logprobs.get(name)) for name in ("content", "refusal")}
        if all(name in logprobs and lists[name] is logprobs[name] for name in lists):
            return choice
        return choice | {"logprobs": logprobs | lists}


def _tokens(told: Any) -> list[Any] | None:
    """The list itself where each token has its keys. What names no token is none."""
    if not isinstance(told, list):
        return None
    if all(map(_is_whole_token, told)):
        return told
    return [_whole_token(token) for token in told if _is_named(token)]


def _is_whole_token(token: Any) -> bool:
    if not isinstance(token, dict) or not _is_well(token):
        return False
    rivals = token.get("top_logprobs")
    return isinstance(rivals, list) and all(
        isinstance(rival, dict) and _is_well(rival) for rival in rivals
    )


def _is_named(told: Any) -> bool:
    return isinstance(told, dict) and isinstance(told.get("token"), str)


def _is_well(token: dict[str, Any]) -> bool:
    """The keys that a token and its rivals have in common."""
    return (
        isinstance(token.get("token"), str)
        and _is_number(token.get("logprob"))
        and isinstance(token.get("bytes", 0), list | None)
    )


def _is_number(told: Any) -> bool:
    return type(told) in (float, int) and -math.inf < told < math.inf


def _whole_token(token: dict[str, Any]) -> dict[str, Any]:
    told = token.get("top_logprobs")
    rivals = told if isinstance(told, list) else ()
    return _well(token) | {"top_logprobs": [_well(rival) for rival in rivals if _is_named(rival)]}


def _well(token: dict[str, Any]) -> dict[str, Any]:
    bytes_told = token.get("bytes")
    well = {"bytes": None} | token
    if not _is_number(token.get("logprob")):
        well["logprob"] = _UNLIKELY
    if not isinstance(bytes_told, list | None):
        well["bytes"] = None
    return well
