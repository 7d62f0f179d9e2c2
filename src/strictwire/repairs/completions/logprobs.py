"""The rule for a completion's token probabilities."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from strictwire.repairs.rule import ChoiceRule

# As many choices as a reply may have; the offsets of more than these begin at 0 each time.
MAX_COUNTED_CHOICES = 1024


@dataclass(slots=True)
class LogprobsShape(ChoiceRule):
    """Tell token probabilities as a completion does: in lists side by side.

    llama.cpp and mlx-lm answer both paths with chat's list of tokens; clients of this path look
    for ``tokens`` and find nothing. The offsets, which chat does not tell, count the characters
    of the tokens before.
    """

    name = "completions.logprobs-shape"
    title = "logprobs has chat's shape"
    quirks = (87, 88)
    evidence = "lab:completions-logprobs-chat"

    offsets: dict[int, int] = field(default_factory=dict)

    def mend(self, choice: dict[str, Any]) -> dict[str, Any]:
        logprobs = choice.get("logprobs")
        if logprobs is None:
            return choice
        if not isinstance(logprobs, dict):
            return choice | {"logprobs": None}
        told = logprobs.get("content")
        if "tokens" in logprobs or not isinstance(told, list):
            return choice
        tokens = [token for token in told if isinstance(token, dict)]
        return choice | {"logprobs": self._side_by_side(choice["index"], tokens)}

    def _side_by_side(self, index: int, tokens: list[dict[str, Any]]) -> dict[str, Any]:
        texts = [str(token.get("token", "")) for token in tokens]
        offset = self.offsets.get(index, 0)
        offsets: list[int] = []
        for text in texts:
            offsets.append(offset)
            offset += len(text)
        if index in self.offsets or len(self.offsets) < MAX_COUNTED_CHOICES:
            self.offsets[index] = offset
        return {
            "tokens": texts,
            "token_logprobs": [token.get("logprob") for token in tokens],
            "top_logprobs": [_rivals(token.get("top_logprobs")) for token in tokens],
            "text_offset": offsets,
        }


def _rivals(told: Any) -> dict[str, Any]:
    rivals = told if isinstance(told, list) else ()
    return {
        str(rival["token"]): rival.get("logprob")
        for rival in rivals
        if isinstance(rival, dict) and "token" in rival
    }
