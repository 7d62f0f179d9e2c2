"""What one reply has said so far, and what must hold when it ends, whichever dialect it came in.

The judges of chunks and of whole objects write here; ``end`` tells what only the end can tell.
Source: docs/contract.md, "The end of a reply".
"""

from __future__ import annotations

from dataclasses import dataclass, field

from strictwire.conformance.asked import Asked
from strictwire.conformance.finding import Findings
from strictwire.conformance.json_text import Where

# OpenAI's bound for ``n``: an index beyond it counts something else than choices.
MAX_CHOICES = 128
_CALL_REASONS = ("tool_calls", "function_call")


@dataclass(slots=True)
class Said:
    """What one choice said. Offsets are those of the chunk, or of the choice in an object."""

    has_begun: bool = False
    has_role: bool = False
    has_called: bool = False
    finish: str | None = None
    finish_at: Where = 0


@dataclass(slots=True)
class Reply:
    asked: Asked
    found: Findings
    choices: dict[int, Said] = field(default_factory=dict)
    has_several_choices: bool = False  # one chunk told more than one
    usage_at: Where | None = None
    usages_of_choices: int = 0  # those that tell of one choice alone
    error_at: Where | None = None

    @property
    def has_begun(self) -> bool:
        return any(said.has_begun for said in self.choices.values())

    @property
    def finished(self) -> int:
        """How many choices have told their reason."""
        return sum(said.finish is not None for said in self.choices.values())

    def said(self, index: int) -> Said:
        known = self.choices.get(index)
        if known is None:
            known = self.choices[index] = Said()
        return known

    def begin(self, index: int, offset: Where, *, is_ordered: bool = True) -> None:
        """The choice says something, maybe for the first time. ``is_ordered``: choices of this
        dialect begin in the order of their index."""
        said = self.said(index)
        if said.has_begun:
            return
        said.has_begun = True
        if is_ordered and self.asked.is_stream is not False and index <= MAX_CHOICES:
            late = [n for n in range(index) if n not in self.choices]
            if late:
                self.found.add("reply.choice-order", offset, f"choice {index} before {late[0]}")
                for number in late:
                    self.said(number)

    def content(self, index: int, offset: Where) -> None:
        """The choice says something that its finish must come after."""
        said = self.said(index)
        if said.finish is not None:
            self.found.add("reply.finish-early", offset, f"choice {index} goes on")
            said.finish = None  # it was none

    def finish(self, index: int, reason: str, offset: Where) -> None:
        said = self.said(index)
        if said.finish is not None:
            self.found.add("reply.finish-early", offset, f"choice {index} finishes again")
        said.finish, said.finish_at = reason, offset

    def end(self, offset: Where, *, has_done: bool, needs_done: bool) -> None:
        """``offset``: the place of [DONE], or the body's end."""
        if self.error_at is not None:
            if needs_done and has_done != (self.asked.after_error == "done"):
                self.found.add("reply.error-end", offset)
            return
        begun = {index: said for index, said in self.choices.items() if said.has_begun}
        if not begun:
            self.found.add("reply.empty", offset)
            return
        open_ones = [index for index, said in begun.items() if said.finish is None]
        if open_ones and not has_done:
            self.found.add("reply.truncated", offset)
            return
        if needs_done and not has_done:
            self.found.add("reply.done-missing", offset)
        for index in open_ones:
            self.found.add("reply.finish-inferred", offset, f"choice {index}")
        for index, said in begun.items():
            self._reason(index, said)

    def _reason(self, index: int, said: Said) -> None:
        if said.has_called and said.finish == "stop":
            self.found.add("reply.tool-finish", said.finish_at, f"choice {index}")
        elif not said.has_called and said.finish in _CALL_REASONS:
            self.found.add("reply.tool-finish-without-calls", said.finish_at, f"choice {index}")
