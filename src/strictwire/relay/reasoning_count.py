"""Tokens of reasoning, from the pieces in which a server sent it.

Contract: ``told_in`` counts the reasoning among the events of the long way, and says the count in
the usage among them; ``in_usage`` says it in a usage. ``spliced`` is how many pieces went the fast
lane, which no event tells of. What the server said itself stands. Only for servers that send a
token a piece (``Promise.counts_reasoning``): the count is then what the pieces prove, and may be a
few tokens short. See docs/decisions/0025-counted-reasoning.md.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from strictwire.model.events import Event, ReasoningDelta, UsageTold


class ReasoningCount:
    """Of one reply."""

    __slots__ = ("pieces",)

    def __init__(self) -> None:
        self.pieces = 0

    def told_in(self, events: list[Event], spliced: int) -> list[Event]:
        """The events, of which a usage tells what was counted."""
        told = events
        for place, event in enumerate(events):
            if isinstance(event, ReasoningDelta):
                self.pieces += 1
            elif isinstance(event, UsageTold):
                usage = self.in_usage(event.usage, spliced)
                if usage is not event.usage:
                    told = [*told[:place], replace(event, usage=usage), *told[place + 1 :]]
        return told

    def in_usage(self, usage: dict[str, Any], spliced: int) -> dict[str, Any]:
        """The same usage where there was no reasoning, or where it tells of it itself."""
        pieces = self.pieces + spliced
        told = usage.get("completion_tokens_details")
        details = told if isinstance(told, dict) else {}
        if not pieces or details.get("reasoning_tokens"):
            return usage
        completion = usage.get("completion_tokens")
        count = min(pieces, completion) if isinstance(completion, int) else pieces
        return usage | {"completion_tokens_details": details | {"reasoning_tokens": count}}
