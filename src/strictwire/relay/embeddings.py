"""The reply of an embeddings endpoint: the upstream's bytes in, OpenAI's object out.

Contract: see ``model.protocols.ReplyRelay``. The reply is gathered, of at most
``Promise.max_reply_bytes``, and mended when it has ended. One that is right already passes byte
for byte, and its vectors are then not even read: a batch may hold millions of numbers. That what
stands inside a vector's brackets are numbers is therefore taken on trust there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import msgspec

from strictwire.model.embeddings import EmbeddingsAsk
from strictwire.model.errors import PeerError, WireError
from strictwire.model.request import Promise
from strictwire.relay.parsing import parse_json
from strictwire.relay.sinks import too_large
from strictwire.repairs.embeddings import (
    EMBEDDINGS_RULES,
    EmbeddingsEncoding,
    are_numbers,
    tells_usage,
    unpacked,
)

_BOM = b"\xef\xbb\xbf"


class _Usage(msgspec.Struct):
    prompt_tokens: int
    total_tokens: int


class _Entry(msgspec.Struct):
    object: Literal["embedding"]
    index: int
    embedding: msgspec.Raw


class _Healthy(msgspec.Struct):
    object: Literal["list"]
    data: list[_Entry]
    model: str
    usage: _Usage
    error: None = None


_healthy = msgspec.json.Decoder(_Healthy)


class EmbeddingsRelay:
    """One reply. It is meaningful and done at once, when it has ended."""

    __slots__ = (
        "_ask",
        "_pieces",
        "_promise",
        "_size_bytes",
        "failure",
        "is_done",
        "knows_usage",
        "repairs",
    )

    lane = None
    is_lingering = False
    keepalive = b"\n"  # white space is legal before a JSON object
    cuts_after_error = True
    result = None
    progressed = None
    usage = None  # a batch that passes as it came is not read so far

    def __init__(self, promise: Promise, ask: EmbeddingsAsk) -> None:
        self._promise = promise
        self._ask = ask
        self._pieces: list[bytes] = []
        self._size_bytes = 0
        self.is_done = False
        self.knows_usage = True
        self.repairs: set[str] = set()
        self.failure: WireError | None = None

    @property
    def is_meaningful(self) -> bool:
        return self.is_done

    @property
    def wants_attention(self) -> bool:
        return self.is_done or self.failure is not None

    @property
    def frames(self) -> int:
        return 1 if self.is_done else 0

    def feed(self, data: bytes) -> bytes:
        if self.wants_attention:
            return b""
        self._size_bytes += len(data)
        if self._size_bytes > self._promise.max_reply_bytes:
            self.failure = too_large(self._promise.max_reply_bytes)
            self._pieces.clear()
        else:
            self._pieces.append(data)
        return b""

    def finish(self) -> bytes:
        if self.wants_attention:
            return b""
        raw = b"".join(self._pieces)
        self._pieces.clear()
        try:
            out = raw if self._is_right(raw) else self._mended(raw.removeprefix(_BOM))
        except PeerError as problem:
            self.failure = problem
            return b""
        self.is_done = True
        return out

    def fail(self, error: WireError) -> bytes:
        """There is no in-band error in one object."""
        return b""

    def tick_progress(self, *, is_queued: bool, place: int = 0) -> bytes:
        return b""

    def _is_right(self, raw: bytes) -> bool:
        """Whether the reply says already what we would say."""
        try:
            told = _healthy.decode(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return False
        promise, ask = self._promise, self._ask
        opening = {"float": b"[", "base64": b'"'}.get(ask.encoding or "")
        is_right = (
            bool(told.model)
            and (not promise.is_model_pinned or told.model == promise.model)
            and min(told.usage.prompt_tokens, told.usage.total_tokens) >= 0
            and all(entry.index == place for place, entry in enumerate(told.data))
            and all(_is_vector(entry.embedding, opening) for entry in told.data)
        )
        if is_right:
            self._check_count(len(told.data))
        return is_right

    def _mended(self, raw: bytes) -> bytes:
        try:
            value = parse_json(raw)
        except ValueError:
            value = None
        self.knows_usage = tells_usage(value)
        for rule in EMBEDDINGS_RULES:
            if rule.runs_for(self._promise):
                made = rule(self._promise, ask=self._ask)
                (value,) = made.feed(value)
                if made.fired:
                    self.repairs.add(made.name)
            if isinstance(value, dict) and isinstance(value.get("error"), dict):
                raise _told(value["error"])
        self._check(value)
        if self._promise.is_model_pinned:
            value = value | {"model": self._promise.model}
        return msgspec.json.encode(value)

    def _check(self, value: Any) -> None:
        entries = value.get("data") if isinstance(value, dict) else None
        if not isinstance(entries, list) or not all(map(self._has_vector, entries)):
            raise PeerError(
                "The upstream's reply holds no embeddings that can be read.",
                code="upstream_malformed",
            )
        self._check_count(len(entries))

    def _has_vector(self, entry: Any) -> bool:
        vector = entry.get("embedding") if isinstance(entry, dict) else None
        if self._ask.encoding is None:
            return vector is not None
        # As a text where numbers are due there is only what no rule could read, or was to.
        may_be_text = self._ask.encoding == "base64" or not EmbeddingsEncoding.runs_for(
            self._promise
        )
        return are_numbers(vector) or (may_be_text and unpacked(vector) is not None)

    def _check_count(self, count: int) -> None:
        due = self._ask.inputs
        if due is not None and count != due:
            raise PeerError(
                f"The upstream sent {count} embeddings for {due} inputs.",
                code="upstream_malformed",
            )


# An opening bracket, and the first byte of what stands inside; blanks may come between.
_SEEN_BYTES = 64


def _is_vector(raw: msgspec.Raw, opening: bytes | None) -> bool:
    """Whether a value begins as a vector does in the encoding that was asked for."""
    begin = bytes(memoryview(raw)[:_SEEN_BYTES])
    if begin[:1] == b"[":
        inner = begin[1:].lstrip()[:1]
        is_plain = inner.isdigit() or inner == b"-"
        return is_plain and opening in (b"[", None)
    return begin[:1] == b'"' and begin[:2] != b'""' and opening in (b'"', None)


def _told(error: dict[str, Any]) -> PeerError:
    """An error in OpenAI's shape, with a status where its code was one."""
    status = error.get("status")
    return PeerError(
        str(error.get("message") or "The upstream reported an error without a message."),
        status=status if isinstance(status, int) else None,
        type=error.get("type"),
        param=error.get("param"),
        code=error.get("code"),
    )


def make_embeddings_relay(
    promise: Promise,
    *,
    ask: EmbeddingsAsk,
    is_object: bool = True,
    elapsed: Callable[[], float] = lambda: 0.0,
) -> EmbeddingsRelay:
    """The relay for one embeddings reply. A reply that is no object fails when it is read."""
    return EmbeddingsRelay(promise, ask)
