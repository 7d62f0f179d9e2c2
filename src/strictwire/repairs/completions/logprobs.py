"""The rule for a completion's token probabilities."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from strictwire.model.logprobs import side_by_side
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
        index = choice["index"]
        lists, offset = side_by_side(told, self.offsets.get(index, 0))
        if index in self.offsets or len(self.offsets) < MAX_COUNTED_CHOICES:
            self.offsets[index] = offset
        return choice | {"logprobs": lists}
