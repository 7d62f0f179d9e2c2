"""Chunks with a list of choices to events: what the readers of chat and completions share.

Contract: see the dialects' readers. A subclass says what one choice tells; errors, progress, the
envelope, usage and the extras of the top are read here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from strictwire.dialects.chunk_fields import (
    TOP,
    beside,
    envelope_told,
    error_told,
    only_sticky,
    progress_told,
)
from strictwire.model.chunks import Chunk
from strictwire.model.events import (
    NO_EXTRA,
    Begun,
    Event,
    Extension,
    Extra,
    Failed,
    RefusalDelta,
    TextDelta,
    UsageTold,
)


class ChoicesReader:
    """Reads one reply. State: the envelope last told, so that ``Begun`` comes once."""

    __slots__ = ("_envelope",)

    def __init__(self) -> None:
        self._envelope: tuple[str, int | None, str] = ("", None, "")

    def choice(self, choice: dict[str, Any], top: dict[str, Any], chunk: Chunk) -> Iterator[Event]:
        """The events of one choice; the extras of the top go along with one of them."""
        raise NotImplementedError

    def feed(self, chunk: Chunk) -> Iterator[Event]:
        value = chunk.value
        error = value.get("error")
        if isinstance(error, dict):
            yield Failed(error_told(error), source=chunk)
            return
        progress = progress_told(value, chunk)
        if progress is not None:
            yield progress
        told = envelope_told(value)
        choices = value.get("choices")
        if told != self._envelope and choices is not None:
            self._envelope = told
            yield Begun(*told, source=chunk)
        top = beside(value, TOP)
        read = 0
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict):
                yield from self.choice(choice, top if read == 0 else only_sticky(top), chunk)
                read += 1
        usage = value.get("usage")
        if isinstance(usage, dict):
            extra = Extra(top=top if read == 0 else only_sticky(top))
            yield UsageTold(usage, extra=extra, source=chunk)

    def finish(self) -> Iterator[Event]:
        return iter(())


def with_extra(events: list[Event], extra: Extra, index: int, chunk: Chunk) -> Iterator[Event]:
    """A choice's events, with all its extras on one: on the text, which logprobs belong to, else
    on the last. Without any event the extras are one. Extras of a tool call stay with its own."""
    sticky = only_sticky(extra.top)
    if not events:
        # A choice's field that is empty or null says nothing: its chunk would say nothing either.
        is_told = any(extra.choice.values()) or extra.delta
        if is_told or not extra.top.keys() <= sticky.keys():
            yield Extension(index, extra=extra, source=chunk)
        return
    bearer = next(
        (i for i, event in enumerate(events) if isinstance(event, (TextDelta, RefusalDelta))),
        len(events) - 1,
    )
    rest = Extra(sticky) if sticky else NO_EXTRA
    for position, event in enumerate(events):
        share = extra if position == bearer else rest
        if share != NO_EXTRA:
            own = event.extra.call
            event = replace(event, extra=replace(share, call=own) if own else share)
        yield event
