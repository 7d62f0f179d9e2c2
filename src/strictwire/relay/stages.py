"""The stages of one reply: frame rules, parsing, chunk rules, life, reader, ending, event rules.

Contract: ``frame`` and ``chunks`` take what came and yield events; ``end`` flushes every stage in
order and ends the reply. The order is the design's: rules that see chunks run before the reader,
rules that see events after the ending, so that each sees what the one before has mended.
"""

from __future__ import annotations

import copy
import hashlib
import pickle
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

from strictwire.model.chunks import Chunk
from strictwire.model.errors import PeerError
from strictwire.model.events import Ended, Event, Failed
from strictwire.model.frames import Decoded, Frame, Malformed
from strictwire.model.life import Life
from strictwire.model.request import Promise
from strictwire.relay.crossing import Crossing
from strictwire.relay.ending import Ending
from strictwire.relay.parsing import parse_chunk
from strictwire.repairs import EVENT_RULES, FRAME_RULES
from strictwire.repairs.frames import DONE
from strictwire.repairs.rule import ChunkRule, Rule, keeps_state

# A state is some two thousand characters, and a hundred or two more for each tool call.
MAX_STATE_CHARS = 64 * 1024

Item = TypeVar("Item")


class Reader(Protocol):
    """A dialect's reader: chunks to events."""

    def feed(self, chunk: Chunk) -> Iterator[Event]: ...

    def finish(self) -> Iterator[Event]: ...


class Stages:
    """One reply's stages, up to events. ``fired`` names the rules that repaired something."""

    __slots__ = (
        "_chunk_rules",
        "_event_rules",
        "_frame_rules",
        "_reader",
        "crossing",
        "ending",
        "life",
    )

    def __init__(
        self,
        reader: Reader,
        frame_rules: Sequence[Rule[Decoded]],
        chunk_rules: Sequence[Rule[Chunk]],
        event_rules: Sequence[Rule[Event]],
        life: Life | None = None,
        crossing: Crossing | None = None,
    ) -> None:
        self._reader = reader
        self._frame_rules = frame_rules
        self._chunk_rules = chunk_rules
        self._event_rules = event_rules
        self.life = life
        self.crossing = crossing
        self.ending = Ending()

    @property
    def fired(self) -> set[str]:
        names = {rule.name for rule in self._rules if rule.fired} | self.ending.mended
        for part in (self.life, self.crossing):
            if part is not None:
                names |= part.mended
        return names

    @property
    def is_lingering(self) -> bool:
        """All is told; only the tail may still come."""
        return self.ending.is_lingering or (self.life is not None and self.life.is_lingering)

    @property
    def _rules(self) -> tuple[Rule[Any], ...]:
        return (*self._frame_rules, *self._chunk_rules, *self._event_rules)

    @property
    def reads_text(self) -> bool:
        return any(rule.reads_text for rule in self._rules)

    def fingerprint(self) -> bytes:
        """All that could make the same frame have another effect: the rules and the ending.

        A digest, because it is kept for each open stream and the text of it is long. Empty where
        the state is so large that comparing it costs more than a fast lane saves.
        """
        rules = self._rules
        fired = [rule.fired for rule in rules]
        state = repr((fired, [rule for rule in rules if keeps_state(rule)], self.ending))
        for part in (self.life, self.crossing):
            if part is not None:
                state += part.state()
        if len(state) > MAX_STATE_CHARS:
            return b""
        return hashlib.blake2b(state.encode("utf-8", "surrogatepass"), digest_size=16).digest()

    def try_frame(self, frame: Frame) -> list[Event]:
        """What a frame would give now. Nothing here changes.

        Rules that keep state are copied; of the others only the notes that they fired are put
        back. The reader keeps no more than the envelope, and a frame that changes it yields an
        event of its own.
        """
        stateful = [rule for rule in self._rules if keeps_state(rule)]
        kept = pickle.dumps((self.ending, stateful), pickle.HIGHEST_PROTOCOL)
        ending, copies = pickle.loads(kept)  # noqa: S301 - our own bytes, of a line ago
        copy_of = {id(rule): twin for rule, twin in zip(stateful, copies, strict=True)}
        frame_rules, chunk_rules, event_rules = (
            [copy_of.get(id(rule), rule) for rule in stage]
            for stage in (self._frame_rules, self._chunk_rules, self._event_rules)
        )
        trial = Stages(
            copy.copy(self._reader),
            frame_rules,
            chunk_rules,
            event_rules,
            life=self.life.trial() if self.life is not None else None,
            crossing=self.crossing.trial() if self.crossing is not None else None,
        )
        trial.ending = ending
        fired = [rule.fired for rule in self._rules]
        events = list(trial.frame(frame))
        for rule, had_fired in zip(self._rules, fired, strict=True):
            rule.fired = had_fired
        return events

    def frame(self, item: Decoded) -> Iterator[Event]:
        """What the decoder yielded. Comments and strays mean something to frame rules only."""
        return self._frames(_through(self._frame_rules, item))

    def last_frames(self, unended: Frame | Malformed | None) -> Iterator[Event]:
        """The body has ended; ``unended`` is what it left open."""
        if unended is not None:
            yield from self._frames(_through(self._frame_rules, unended))
        yield from self._frames(_flush(self._frame_rules))

    def _frames(self, items: Iterable[Decoded]) -> Iterator[Event]:
        for item in items:
            if not isinstance(item, Frame) or item.is_unended:
                continue
            if item.data == DONE:
                yield from self.end(has_terminal=True)
                return
            parsed = parse_chunk(item)
            if isinstance(parsed, Malformed):
                yield from self._event(Failed(_malformed(parsed)))
                return
            yield from self.chunks((parsed,))

    def chunks(self, chunks: Iterable[Chunk]) -> Iterator[Event]:
        try:
            for chunk in chunks:
                for mended in _through(self._chunk_rules, chunk):
                    yield from self._read(mended)
                    if self.ending.is_over:
                        return
        except PeerError as beyond:  # a rule's bound
            yield from self._event(Failed(beyond))

    def _read(self, chunk: Chunk) -> Iterator[Event]:
        if self.life is None:
            for event in self._reader.feed(chunk):
                yield from self._event(event)
            return
        for strict in self.life.feed(chunk):
            for event in self._reader.feed(strict):
                if isinstance(event, Ended):
                    yield from self.end(has_terminal=True, is_ended=True)
                    return
                yield from self._event(event)

    def end(
        self, *, has_terminal: bool, needs_terminal: bool = True, is_ended: bool = False
    ) -> Iterator[Event]:
        """Flush what the rules held, then end. ``is_ended``: the reader said that this is the end.

        A life knows what is whole in its dialect: without its word a terminal ends nothing."""
        if self.ending.is_over:
            return
        is_whole = is_ended or (has_terminal and self.life is None)
        for event in self._held(has_terminal=has_terminal):
            if isinstance(event, Ended):
                is_whole = True
            else:
                yield from self._event(event)
        tail = self.ending.end(has_terminal=is_whole, needs_terminal=needs_terminal)
        for event in tail:
            if isinstance(event, Ended):
                yield from _flush(self._event_rules)
            yield from _through(self._event_rules, event)

    def _held(self, *, has_terminal: bool) -> Iterator[Event]:
        """What the rules, the life and the reader still have to say; ``Ended`` among it says that
        the terminal came, or can be added."""
        life = self.life
        try:
            for chunk in _flush(self._chunk_rules):
                for strict in (chunk,) if life is None else life.feed(chunk):
                    yield from self._reader.feed(strict)
            for closing in () if life is None else life.end(has_terminal=has_terminal):
                yield from self._reader.feed(closing)
        except PeerError as beyond:  # a rule's bound
            yield Failed(beyond)
        yield from self._reader.finish()

    def _event(self, event: Event) -> Iterator[Event]:
        for told in (event,) if self.crossing is None else self.crossing.feed(event):
            for kept in self.ending.feed(told):
                yield from _through(self._event_rules, kept)


def _through(rules: Sequence[Rule[Item]], item: Item) -> Iterable[Item]:
    items: Sequence[Item] = (item,)
    for rule in rules:
        if len(items) == 1:
            items = tuple(rule.feed(items[0]))
        else:
            items = [out for one in items for out in rule.feed(one)]
        if not items:
            return ()
    return items


def _flush(rules: Sequence[Rule[Item]]) -> Iterator[Item]:
    """What each rule held goes through the rules after it."""
    for place, rule in enumerate(rules):
        for item in rule.finish():
            yield from _through(rules[place + 1 :], item)


def _malformed(parsed: Malformed) -> PeerError:
    return PeerError(
        f"The upstream sent an event that is no chunk: {parsed.reason}.", code="upstream_malformed"
    )


def make_stages(
    reader: Reader,
    chunk_rules: Iterable[type[ChunkRule]],
    promise: Promise,
    *,
    life: Life | None = None,
    crossing: Crossing | None = None,
) -> Stages:
    """The stages of one reply, with the rules that this promise needs."""
    return Stages(
        reader,
        [rule(promise) for rule in FRAME_RULES if rule.runs_for(promise)],
        [rule(promise) for rule in chunk_rules if rule.runs_for(promise)],
        [rule(promise) for rule in EVENT_RULES if rule.runs_for(promise)],
        life=life,
        crossing=crossing,
    )
