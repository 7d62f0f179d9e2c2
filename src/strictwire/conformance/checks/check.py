"""What a check is: one thing that the contract forbids, and whom it breaks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# "error": clients are known to break, or the reply is not what was asked for. "warning": the
# published format allows it, and only careless readers stumble; this wire never has it.
Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Check:
    """``id`` is the name of the repair rule that mends it, where there is one; title and quirks
    (numbers in docs/quirks.md) are then the rule's own, unless they are said here. ``breaks``
    names clients that were seen to break: only what docs/quirks.md and docs/clients.md tell."""

    id: str
    severity: Severity
    title: str = ""
    breaks: tuple[str, ...] = ()
    quirks: tuple[int, ...] = ()
    has_rule: bool = False

    @property
    def page(self) -> str:
        """Where the docs speak of it."""
        if self.has_rule:
            return f"rules/{self.id}.md"
        return f"lint.md#{self.id.replace('.', '')}"
