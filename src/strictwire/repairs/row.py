"""A row of the rule table that has no object of its own: another part of the program does the work,
because it must see more than one item of a stream, and it says the row's name. Such rows cannot
be switched off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

RowStage = Literal["request", "life", "crossing", "ending"]


@dataclass(frozen=True, slots=True)
class RuleRow:
    """Same fields as a rule, and the page's text."""

    name: str
    title: str
    quirks: tuple[int, ...]
    evidence: str
    text: str
    stage: RowStage
