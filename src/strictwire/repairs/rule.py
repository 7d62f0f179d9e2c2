"""What a rule is: one quirk, one small object per reply.

Contract: ``feed`` takes one item (a frame, a chunk or an event, by the rule's stage) and yields
what it becomes: nothing, the same object where there is nothing to repair, or repaired ones.
``finish`` yields what was held when the upstream's part is over. ``fired`` says that the rule
repaired something, for a count once per reply. A rule knows nothing of time, ids are parameters.

Rules are dataclasses whose fields are their whole state: the splice compares two ``repr`` of all
of them to prove that a frame changed nothing.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Generic, Literal, TypeVar

from strictwire.model.chunks import Chunk
from strictwire.model.events import Event
from strictwire.model.frames import Comment, Decoded, Frame, Malformed
from strictwire.model.request import Promise

Item = TypeVar("Item")
Stage = Literal["frame", "chunk", "event", "object"]


@dataclass(slots=True)
class Rule(Generic[Item]):
    """Base of all rules. ``quirks`` are the numbers in docs/quirks.md, ``evidence`` the scenario
    of the lab, or the recording in the corpus, that shows the quirk."""

    name: ClassVar[str]
    title: ClassVar[str]
    stage: ClassVar[Stage]
    quirks: ClassVar[tuple[int, ...]]
    evidence: ClassVar[str]
    # A rule whose work depends on what the text says forbids the splice.
    reads_text: ClassVar[bool] = False
    # Later rules count on what a foundation makes sure of, so it cannot be switched off.
    is_foundation: ClassVar[bool] = False
    # What the settings may say; the first is what holds where they say nothing.
    modes: ClassVar[tuple[str, ...]] = ("on", "off")
    # In this mode there is no such rule: nothing is made for the reply, and nothing is counted.
    idle_mode: ClassVar[str] = "off"

    promise: Promise = field(repr=False)
    fired: bool = False

    @classmethod
    def runs_for(cls, promise: Promise) -> bool:
        """Whether a reply under this promise needs the rule at all."""
        if cls.is_foundation:
            return True
        return promise.modes.get(cls.name, cls.modes[0]) != cls.idle_mode

    @property
    def mode(self) -> str:
        return self.promise.modes.get(self.name, self.modes[0])

    def feed(self, item: Item) -> Iterable[Item]:
        raise NotImplementedError

    def finish(self) -> Iterator[Item]:
        return iter(())


class FrameRule(Rule[Decoded]):
    """A rule over what the decoder yields. Most mend frames only and pass all else."""

    __slots__ = ()
    stage = "frame"

    def feed(self, item: Decoded) -> Iterable[Decoded]:
        if isinstance(item, Frame):
            return self.frame(item)
        return self.comment(item) if isinstance(item, Comment) else self.stray(item)

    def frame(self, item: Frame) -> Iterable[Decoded]:
        return (item,)

    def comment(self, item: Comment) -> Iterable[Decoded]:
        return (item,)

    def stray(self, item: Malformed) -> Iterable[Decoded]:
        """A line that is no field of an event stream."""
        return (item,)


class ChunkRule(Rule[Chunk]):
    __slots__ = ()
    stage = "chunk"


class EventRule(Rule[Event]):
    __slots__ = ()
    stage = "event"


class ChoiceRule(ChunkRule):
    """A chunk rule that mends each choice by itself."""

    __slots__ = ()

    def mend(self, choice: dict[str, Any]) -> dict[str, Any] | None:
        """The choice as it was, a mended copy, or None to drop it."""
        raise NotImplementedError

    def feed(self, item: Chunk) -> Iterable[Chunk]:
        choices = item.value.get("choices")
        if not choices:
            return (item,)
        mended = [self.mend(choice) for choice in choices]
        # Nearly every chunk has one choice, and nearly every rule finds it in order.
        if mended[0] is choices[0] and (
            len(mended) == 1 or all(map(operator.is_, mended, choices))
        ):
            return (item,)
        self.fired = True
        kept = [choice for choice in mended if choice is not None]
        if kept or item.value.get("usage") is not None:
            return (item.repaired(item.value | {"choices": kept}),)
        return ()


_NOTHING: Mapping[Any, Any] = {}


def nothing() -> Mapping[Any, Any]:
    """What a rule holds that has met no call yet. One for all, so never changed in place: each
    open stream would else keep a dozen empty dictionaries."""
    return _NOTHING


_KEEPS_STATE: dict[type[Any], bool] = {}


def keeps_state(rule: Rule[Any]) -> bool:
    """Whether a rule keeps more than the fact that it fired. Asked often, so remembered."""
    kind = type(rule)
    known = _KEEPS_STATE.get(kind)
    if known is None:
        known = _KEEPS_STATE[kind] = len(fields(kind)) > len(fields(Rule))
    return known
