"""One reply: its bytes in, the client's events out.

Contract: ``feed`` any split of the body, ``finish`` when it ended or broke; both return events.
The body is read as what it is, not as what its content type says: a stream where an object was
asked for, and an object where a stream was. After the last event either ``is_whole`` is true or
``failure`` says why not, never both. What mends a server's stream is the gateway's own reading
(``relay.reading``), so there is one reader of broken streams. No I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from strictwire.client import events
from strictwire.client.calls import CallGatherer
from strictwire.client.errors import ClientError, MalformedReplyError, ReplyTooLargeError
from strictwire.client.events import Event
from strictwire.client.prefill import PrefillListener, progress_of
from strictwire.dialects.chat.seals import seals_in
from strictwire.model import events as told
from strictwire.model.errors import WireError
from strictwire.model.request import Promise
from strictwire.relay.reading import Reading
from strictwire.relay.sniff import sniff

# What a reply says of its one choice is counted against ``max_reply_bytes`` piece by piece; so much
# is added for each piece, since even an empty one takes memory of who gathers them.
_EVENT_BYTES = 64


class ReplyReader:
    """Reads one reply. ``wire_error`` is the failure as the reading found it, for whoever knows
    how to tell it; ``is_told`` says that it was the server's word."""

    def __init__(self, promise: Promise, *, hears_progress: bool) -> None:
        self._promise = promise
        self._reading: Reading | None = None
        self._head = b""
        self._listener = PrefillListener() if hears_progress else None
        self._hears_progress = hears_progress
        self._progress: events.Progress | None = None
        self._started: events.Started | None = None
        self._calls = CallGatherer(promise.folded)
        self._block = 0
        self._size_bytes = 0
        self._usage: events.Usage | None = None
        self._reason: events.FinishReason | None = None
        self.is_meaningful = False
        self.is_whole = False
        self.failure: ClientError | None = None
        self.wire_error: WireError | None = None
        self.is_told = False

    @property
    def is_over(self) -> bool:
        return self.is_whole or self.has_failed

    @property
    def has_failed(self) -> bool:
        return self.failure is not None or self.wire_error is not None

    @property
    def is_lingering(self) -> bool:
        """All was said; only the tail may still come."""
        return self._reading is not None and self._reading.is_lingering

    @property
    def repairs(self) -> frozenset[str]:
        """The names of the rules that mended this reply."""
        return frozenset() if self._reading is None else frozenset(self._reading.repairs)

    def feed(self, data: bytes) -> list[Event]:
        if self.is_over:
            return []
        reports: list[Event] = []
        if self._listener is not None and not self.is_meaningful:
            reports += self._listener.feed(data)
        data = self._begin(data, is_whole=False)
        if self._reading is None:
            return reports
        return reports + self._read(self._reading.feed(data))

    def finish(self) -> list[Event]:
        """The body has ended, or broke, or nothing more is awaited."""
        if self.is_over:
            return []
        data = self._begin(b"", is_whole=True)
        if self._reading is None:
            return []
        out = self._read(self._reading.feed(data)) if data else []
        return out if self.is_over else out + self._read(self._reading.finish())

    def _begin(self, data: bytes, *, is_whole: bool) -> bytes:
        """What is to be read now, once the first bytes say what the body is."""
        if self._reading is not None:
            return data
        self._head += data
        kind = sniff(self._head, is_whole=is_whole)
        if kind == "other" and self._head.strip():
            self.failure = MalformedReplyError(_strange(self._head), status=200)
        elif kind is not None:
            # An empty body is read as a stream: it was closed before anything of it came.
            self._reading = Reading(self._promise, is_object=kind == "object")
        head, self._head = (self._head, b"") if self._reading else (b"", self._head)
        return head

    def _read(self, read: list[told.Event]) -> list[Event]:
        out: list[Event] = []
        for event in read:
            if told.is_meaningful(event):
                out += self._begun()
            out += self._event(event)
            if self.is_over:
                break
        return out

    def _begun(self) -> Iterator[Event]:
        """Told late, with the first part of an answer: until then the request may be repeated."""
        if not self.is_meaningful:
            self.is_meaningful = True
            self._listener = None
            yield self._started or events.Started()

    def _event(self, event: told.Event) -> Iterator[Event]:
        if getattr(event, "choice", 0) not in (0, None):
            return  # no other choice was asked for
        match event:
            case told.Begun():
                if not self.is_meaningful:
                    # An id that only we made up is nothing to ask the server's operators about.
                    identity = "" if self._promise.id in event.id else event.id
                    self._started = events.Started(identity, event.model)
            case told.Progressed():
                yield from self._progressed(event)
            case told.UsageTold():
                self._usage = _usage(event.usage)
            case told.Finished():
                self._reason = "tool_calls" if event.reason == "function_call" else event.reason
            case told.Ended():
                yield from self._ended()
            case told.Failed():
                self.wire_error = event.error
                self.is_told = event.source is not None
            case _:
                yield from self._content(event)

    def _content(self, event: told.Event) -> Iterator[Event]:
        match event:
            case told.TextDelta():
                self._grow(event.text)
                yield events.Text(event.text, self._block, _logprobs(event))
            case told.ReasoningDelta():
                self._grow(event.text)
                yield events.Reasoning(event.text, self._block, event.form == "summary")
            case told.RefusalDelta():
                self._grow(event.text)
                yield events.Refusal(event.text)
            case told.ToolCallBegun():
                self._grow(event.name)
                yield self._calls.begin(event)
            case told.ToolCallDelta():
                self._grow(event.arguments)
                yield from self._calls.grow(event)
            case told.Sealed():
                self._grow(event.seal)
                yield events.ReasoningSeal(event.seal, event.id, event.is_redacted)
            case told.Separated():
                self._block += 1
            case told.Native():
                self._grow("")
                yield events.Native(event.dialect, event.value)
            case _:
                pass  # roles, and fields that only their own dialect knows
        yield from self._beside(event)

    def _beside(self, event: told.Event) -> Iterator[Event]:
        """Citations, and seals as chat servers tell them: both ride on other events."""
        delta = event.extra.delta
        for value in delta.get("annotations") or ():
            if isinstance(value, dict):
                self._grow("")
                yield events.Annotation(value)
        for seal, told_id, is_redacted in seals_in(delta.get("reasoning_details")):
            self._grow(seal)
            yield events.ReasoningSeal(seal, told_id, is_redacted)

    def _progressed(self, event: told.Progressed) -> Iterator[Event]:
        has_better = self._listener is not None and self._listener.has_heard
        if self._hears_progress and not has_better and not self.is_meaningful and event.total > 0:
            self._progress = progress_of(event, self._progress)
            yield self._progress

    def _ended(self) -> Iterator[Event]:
        yield from self._begun()  # a whole reply may have been empty
        yield from self._calls.finish()
        if self._usage is not None:
            yield self._usage
        yield events.Finish(self._reason or "stop")
        self.is_whole = True

    def _grow(self, piece: str) -> None:
        # Characters for bytes: counting those would cost an encoding of every piece.
        self._size_bytes += len(piece) + _EVENT_BYTES
        if self._size_bytes > self._promise.max_reply_bytes:
            limit = self._promise.max_reply_bytes
            self.failure = ReplyTooLargeError(
                f"The reply is larger than {limit} bytes (max_reply_bytes)."
            )


def _usage(usage: dict[str, Any]) -> events.Usage:
    return events.Usage(
        input_tokens=_count(usage, "prompt_tokens"),
        output_tokens=_count(usage, "completion_tokens"),
        cached_tokens=_count(usage.get("prompt_tokens_details"), "cached_tokens"),
        reasoning_tokens=_count(usage.get("completion_tokens_details"), "reasoning_tokens"),
        told=usage,
    )


def _count(counts: Any, name: str) -> int:
    count = counts.get(name) if isinstance(counts, dict) else None
    return count if isinstance(count, int) else 0


def _logprobs(event: told.TextDelta) -> tuple[dict[str, Any], ...]:
    logprobs = event.extra.choice.get("logprobs")
    tokens = logprobs.get("content") if isinstance(logprobs, dict) else None
    if not isinstance(tokens, list):
        return ()
    return tuple(token for token in tokens if isinstance(token, dict))


def _strange(head: bytes) -> str:
    what = "an HTML page" if head.lstrip()[:1] == b"<" else "a text"
    return f"The server answered with {what} instead of a reply: is base_url the API's address?"
