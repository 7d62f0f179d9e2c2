"""Text completion chunks to events.

Contract: ``feed`` takes one chunk and yields its events in the order of the wire. The reader
repairs nothing: it reads what has the right type and passes over what has not, because the chunk
rules have been there before it. What the model cannot hold goes along in ``extra``, on exactly
one event of the chunk (fields that are constant in a stream go on each). A completion has neither
roles, reasoning, refusals nor tools, so no such event ever comes from here.
Source: OpenAI API reference, "The completion object".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from strictwire.dialects.choices_reader import ChoicesReader, with_extra
from strictwire.dialects.chunk_fields import beside
from strictwire.dialects.completions.fields import CHOICE
from strictwire.model.chunks import Chunk
from strictwire.model.events import FINISH_REASONS, Event, Extra, Finished, TextDelta


class CompletionsReader(ChoicesReader):
    """Reads one reply."""

    __slots__ = ()

    def choice(self, choice: dict[str, Any], top: dict[str, Any], chunk: Chunk) -> Iterator[Event]:
        number = choice.get("index")
        index = number if isinstance(number, int) else 0
        events: list[Event] = []
        text = choice.get("text")
        if isinstance(text, str) and text:
            events.append(TextDelta(index, text, source=chunk))
        reason = choice.get("finish_reason")
        if isinstance(reason, str) and reason in FINISH_REASONS:
            events.append(Finished(index, reason, source=chunk))  # type: ignore[arg-type]
        more = beside(choice, CHOICE)
        if more.get("logprobs", ()) is None:
            del more["logprobs"]
        return with_extra(events, Extra(top, more), index, chunk)
