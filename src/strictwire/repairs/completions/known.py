"""Chat's rules that need to know where a completion says its text; same names, same settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from strictwire.repairs.chat.cumulative import CumulativeText
from strictwire.repairs.chat.extra_fields import ExtraFields
from strictwire.repairs.chat.said import Said

CHOICE_FIELDS = frozenset(("index", "text", "logprobs", "finish_reason"))


@dataclass(slots=True)
class CompletionsCumulativeText(CumulativeText):
    """``chat.cumulative-text`` for ``text``."""

    def mend(self, choice: dict[str, Any]) -> dict[str, Any] | None:
        text = choice["text"]
        if not text:
            return choice
        new = self.said.setdefault((choice["index"], "text"), Said()).more(text)
        if new == text:
            return choice
        is_silent = not (new or choice.get("finish_reason") or choice.get("logprobs"))
        return None if is_silent else choice | {"text": new}


@dataclass(slots=True)
class CompletionsExtraFields(ExtraFields):
    """``chat.extra-fields`` for a choice without a delta."""

    choice_fields = CHOICE_FIELDS
