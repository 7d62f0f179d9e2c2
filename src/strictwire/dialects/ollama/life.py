"""The life of an Ollama reply: loose objects in, those that a reader can count on out.

Contract: see ``model.life.Life``. Ollama promises no more than that the last object says
``done: true``, so little is made true here: each tool call has an id of its own, since every
client's dialect wants one and Ollama's servers tell none (older ones) or their own (newer ones),
and nothing comes after the last object. A reply whose last object never came was cut. Images in an
answer are left out, and ``mended`` says so.
Source: Ollama's API documentation, "Generate a chat completion".
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from strictwire.model.chunks import Chunk
from strictwire.model.errors import PeerError, WireError
from strictwire.model.request import Promise

# A row of the rule table: an image in an answer, for which no client's dialect has a place.
UNTELLABLE = "reply.untellable"
# More calls than any model makes at once; each costs its id until the end of the reply.
MAX_CALLS = 1024


class OllamaLife:
    """One reply's life."""

    __slots__ = (
        "_ids",
        "_is_over",
        "_promise",
        "is_full",
        "is_lingering",
        "mended",
        "next_number",
        "told_number",
    )

    def __init__(self, promise: Promise, *, is_object: bool = False) -> None:
        """``is_object`` makes no difference: a whole reply is the last object and the only one."""
        self._promise = promise
        self._ids: tuple[str, ...] = ()
        self._is_over = False
        self.mended: frozenset[str] = frozenset()
        self.is_full = False
        # The last object has it all: there is no tail to wait for.
        self.is_lingering = False
        self.next_number: int | None = None
        self.told_number: int | None = None

    @property
    def size_bytes(self) -> int:
        return sum(map(len, self._ids))

    def feed(self, chunk: Chunk) -> Iterator[Chunk]:
        if self._is_over:
            return
        value = chunk.value
        self._is_over = value.get("done") is True
        message = value.get("message")
        if isinstance(message, dict):
            if message.get("images"):
                self.mended = frozenset((UNTELLABLE,))
            calls = message.get("tool_calls")
            if isinstance(calls, list) and calls:
                named = [self._with_id(call) for call in calls if isinstance(call, dict)]
                chunk = chunk.repaired(value | {"message": message | {"tool_calls": named}})
        yield chunk

    def end(self, *, has_terminal: bool) -> Iterator[Chunk]:
        """Nothing can be added: only the last object says why the reply ended."""
        return iter(())

    def fail(self, error: WireError) -> Iterator[Chunk]:
        self._is_over = True
        yield Chunk({"error": error.message})

    def spliced(self, text: str) -> None:
        """Nothing of a text is repeated later, so nothing is kept of it."""

    def state(self) -> str:
        return repr((self._is_over, len(self._ids)))

    def trial(self) -> OllamaLife:
        return copy.copy(self)

    def _with_id(self, call: dict[str, Any]) -> dict[str, Any]:
        if len(self._ids) == MAX_CALLS:
            raise PeerError(
                f"The upstream made more than {MAX_CALLS} tool calls in one reply.",
                code="upstream_malformed",
            )
        told = call.get("id")
        if not isinstance(told, str) or not told or told in self._ids:
            told = f"call_{self._promise.id}_{len(self._ids)}"
        self._ids = (*self._ids, told)
        return call | {"id": told}
