"""The end of a reply: which finish reason is the last word, and whether the end is a success.

Contract: events in, events out. ``Finished`` and ``UsageTold`` are held back; ``end`` is called
when the upstream's part is over, and says by its events how: the held tail and ``Ended``, or
``Failed``. Never a clean end after a failure, never two ends. Source: ARCHITECTURE.md, "Failure
rules" 3 and 4.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from strictwire.model.chunks import HeldChunk
from strictwire.model.errors import PeerError
from strictwire.model.events import (
    Ended,
    Event,
    Extension,
    Failed,
    Finished,
    FinishReason,
    ReasoningDelta,
    RefusalDelta,
    RoleTold,
    TextDelta,
    ToolCallBegun,
    ToolCallDelta,
    UsageTold,
)

_CONTENT = (TextDelta, ReasoningDelta, RefusalDelta, ToolCallBegun, ToolCallDelta)


@dataclass(slots=True)
class _Choice:
    finished: Finished | None = None
    has_called: bool = False


@dataclass(slots=True)
class Ending:
    """``mended`` gathers the names of what the ending had to mend (rows of the rule table)."""

    choices: dict[int, _Choice] = field(default_factory=dict)
    usage: UsageTold | None = None
    # Sets that hold nothing are shared while they are frozen, and an open stream has many.
    mended: frozenset[str] = frozenset()
    is_over: bool = False
    # A reason that later content cancelled was no reason to stop waiting: this server says
    # "stop" before it means it, so silence after the next one proves nothing.
    distrusts_finish: bool = False

    @property
    def is_complete(self) -> bool:
        """Every choice that began has told its finish reason."""
        choices = self.choices.values()
        return bool(choices) and all(choice.finished is not None for choice in choices)

    @property
    def is_lingering(self) -> bool:
        """Only the tail may still come, so there is no need to wait long for it."""
        return not self.is_over and not self.distrusts_finish and self.is_complete

    def feed(self, event: Event) -> Iterator[Event]:
        if self.is_over:
            return
        if (
            self.usage is not None
            and getattr(event, "choice", None) is not None
            and not isinstance(event.source, HeldChunk)
        ):
            # It was told before the end: clients that stop at usage lose what still comes.
            self.mended |= {"reply.usage-repeated"}
        if isinstance(event, _CONTENT):
            self._content(event.choice, event)
            yield event
        elif isinstance(event, Finished):
            choice = self.choices.setdefault(event.choice, _Choice())
            if choice.finished is not None:
                self.mended |= {"reply.finish-early"}
            # One that says the same in another spelling changes nothing, so the splice may skip it.
            if choice.finished != event:
                choice.finished = event
        elif isinstance(event, UsageTold):
            self._hold_usage(event)
        elif isinstance(event, Failed):
            self.is_over = True
            yield event
        else:
            if isinstance(event, RoleTold | Extension) and event.choice is not None:
                self.choices.setdefault(event.choice, _Choice())
            yield event

    def end(self, *, has_terminal: bool, needs_terminal: bool = True) -> Iterator[Event]:
        """The upstream's part is over. ``has_terminal``: its dialect's success terminal came.

        ``needs_terminal`` is False for whole objects, whose end is their last byte.
        """
        if self.is_over:
            return
        self.is_over = True
        if not self.choices or not (has_terminal or self.is_complete):
            yield Failed(self._broken(has_terminal))
            return
        if needs_terminal and not has_terminal:
            self.mended |= {"reply.done-missing"}
        for index in sorted(self.choices):
            yield self._finish(index, self.choices[index])
        if self.usage is not None:
            yield self.usage
        yield Ended()

    def _content(self, index: int, event: Event) -> None:
        choice = self.choices.get(index)
        if choice is None:
            choice = self.choices[index] = _Choice()
        if choice.finished is not None and not isinstance(event.source, HeldChunk):
            choice.finished = None
            self.distrusts_finish = True
            self.mended |= {"reply.finish-early"}
        if isinstance(event, ToolCallBegun):
            choice.has_called = True

    def _hold_usage(self, event: UsageTold) -> None:
        if self.usage is None:
            self.usage = event
            return
        self.mended |= {"reply.usage-repeated"}
        counts = any(event.usage.get(name) for name in ("prompt_tokens", "completion_tokens"))
        if counts and event != self.usage:
            self.usage = event

    def _finish(self, index: int, choice: _Choice) -> Finished:
        if choice.finished is not None:
            return choice.finished
        self.mended |= {"reply.finish-inferred"}
        reason: FinishReason = "tool_calls" if choice.has_called else "stop"
        return Finished(index, reason)

    def _broken(self, has_terminal: bool) -> PeerError:
        if not self.choices:
            what = "only its terminal" if has_terminal else "without any part of a reply"
            return PeerError(
                f"The upstream's reply was empty: it ended {what}."
                if not has_terminal
                else f"The upstream's reply was empty: it sent {what}.",
                code="upstream_empty_reply",
            )
        return PeerError(
            "The upstream's reply was cut short: it ended without a finish reason and without "
            "its terminal.",
            code="upstream_truncated",
        )
