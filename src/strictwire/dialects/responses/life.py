"""The life of a reply as the Responses dialect promises it: begun, items with their parts, ended.

Contract: see ``model.life.Life``. Loose chunks come in: without numbers, ids or indexes, deltas of
items that were never announced, texts that only a done event or the final object tells. Out come
strict ones: ``created``, ``in_progress``, then for each item ``added``, its parts, deltas and done
events, then one terminal; sequence numbers and output indexes dense from 0, each text once. After
the terminal nothing comes any more. ``mended`` names the rows of ``repairs/responses/life_rows``.

An ``error`` event, and what has no type, is none of the life's and passes as it is.
Source: docs/contract.md, "Responses"; OpenAI API reference, "Streaming events".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import IntEnum
from typing import Any

from strictwire.dialects.responses.errors import failure_of, told_failure
from strictwire.dialects.responses.item_events import ItemEvents, keep_fields
from strictwire.dialects.responses.kinds import BY_DELTA, BY_DONE, TextKind
from strictwire.dialects.responses.response_object import ResponseObject
from strictwire.dialects.responses.text_events import TextEvents
from strictwire.dialects.responses.upkeep import Upkeep
from strictwire.dialects.responses.usage import full_usage
from strictwire.model.chunks import Chunk
from strictwire.model.errors import PeerError, WireError
from strictwire.model.request import Promise

# What the server may leave out of a stream, but cannot leave out of an object.
_OF_STREAMS = frozenset(
    (
        "responses.created-missing",
        "responses.deltas-missing",
        "responses.done-missing",
        "responses.item-added-missing",
        "responses.only-final",
        "responses.output-index",
        "responses.part-missing",
        "responses.sequence",
        "responses.terminal-missing",
    )
)
# The status that each terminal event tells.
TERMINALS: Mapping[str, str] = {
    "response.completed": "completed",
    "response.incomplete": "incomplete",
    "response.failed": "failed",
    # Not official: a cancelled reply is no success, and clients know only the three above.
    "response.cancelled": "cancelled",
    # What the same reply ends with on other wires of the same vendor.
    "response.done": "completed",
}
_CANCELLED = {"code": "server_error", "message": "The upstream cancelled the response."}
_TERMINAL_OF = {"completed": "response.completed", "incomplete": "response.incomplete"}


_PARTS_ADDED = frozenset(("response.content_part.added", "response.reasoning_summary_part.added"))
_PARTS_DONE = frozenset(("response.content_part.done", "response.reasoning_summary_part.done"))
_FAILURES = ("incomplete", "failed", "cancelled")

# What a response holds before anything is said.
_NOTHING_YET: Mapping[str, Any] = {"output": [], "usage": None}


class _Stage(IntEnum):
    NEW = 0
    CREATED = 1
    IN_PROGRESS = 2


class ResponsesLife:
    """One reply's life. ``is_object``: the chunks are the layout of a whole object, which owes
    nothing but itself."""

    __slots__ = ("_failed", "_has_failed_there", "_is_object", "_is_over", "_items", "_promise",
                 "_response", "_stage", "_texts", "_up")  # fmt: skip

    def __init__(self, promise: Promise, *, is_object: bool = False) -> None:
        self._promise = promise
        self._is_object = is_object
        self._up = Upkeep(promise.id)
        self._response = ResponseObject(promise)
        self._stage = _Stage.NEW
        self._is_over = False
        self._items = ItemEvents(self._up)
        self._texts = TextEvents(self._up, self._items)
        self._failed: Chunk | None = None
        self._has_failed_there = False

    @property
    def mended(self) -> frozenset[str]:
        mended = self._up.mended
        return mended - _OF_STREAMS if self._is_object and mended else mended

    @property
    def is_lingering(self) -> bool:
        return False  # the event that says how it ends is the terminal itself

    @property
    def is_full(self) -> bool:
        return self._up.size_bytes >= self._promise.max_reply_bytes

    @property
    def next_number(self) -> int | None:
        return self._up.telling.number

    @property
    def told_number(self) -> int | None:
        return self._up.told_number

    @property
    def size_bytes(self) -> int:
        return self._up.size_bytes

    def feed(self, chunk: Chunk) -> Iterable[Chunk]:
        if self._is_over:
            return ()
        told = chunk.value.get("type")
        if not isinstance(told, str) or told == "error":
            return (chunk,)
        # Before anything is counted: what was numbered must go out.
        self._check_size()
        kind = BY_DELTA.get(told)
        if kind is not None and self._texts.goes_on(chunk, kind):
            return (chunk,)
        own = _OWN_EVENTS.get(told)
        self._up.check_number(chunk.value)
        if own is not None:
            own(self, chunk)
        else:
            self._begin()
            self._hear(chunk, told, kind)
        return self._taken()

    def _hear(self, chunk: Chunk, told: str, kind: TextKind | None) -> None:
        """An event of the answer itself."""
        if kind is not None:
            self._texts.on_delta(chunk, kind)
        elif told in BY_DONE:
            self._texts.on_text_done(chunk, BY_DONE[told])
        elif told == "response.output_item.added":
            self._items.on_item_added(chunk)
        elif told == "response.output_item.done":
            self._items.on_item_done(chunk)
        elif told in _PARTS_ADDED:
            self._texts.on_part_added(chunk)
        elif told in _PARTS_DONE:
            self._texts.on_part_done(chunk)
        elif told == "response.output_text.annotation.added":
            self._texts.on_annotation(chunk)
        else:
            self._items.on_other(chunk)

    def end(self, *, has_terminal: bool) -> Iterable[Chunk]:
        # Nothing of a reply, or no word that it is whole: that is no good end, so none is made.
        if self._is_over or not has_terminal or not self._up.ledger.items:
            return ()
        self._up.mend("responses.terminal-missing")
        self._begin()
        self._finish(None, "completed", {})
        return self._taken()

    def fail(self, error: WireError) -> Iterable[Chunk]:
        if self._failed is not None:
            # The server told of it itself, or this is said a second time.
            return (_reworded(self._failed, error) if self._has_failed_there else self._failed,)
        if self._is_over:
            return ()
        if self._stage is not _Stage.IN_PROGRESS:
            self._open({})
        self._end_failed(None, {"error": failure_of(error)})
        return self._taken()

    def spliced(self, text: str) -> None:
        up = self._up
        if up.last is not None:
            up.heard(*up.last, text, None)
        up.count()

    def state(self) -> str:
        up = self._up
        items = [
            (item.kind, item.id, item.index, item.told_index, item.is_id_used, item.is_done,
             [(part.kind and part.kind.delta, part.index, part.told_index, part.is_text_done,
               part.is_done, bool(part.text), len(part.annotations), bool(part.logprobs))
              for part in item.parts])
            for item in up.ledger.items
        ]  # fmt: skip
        last = up.last and (up.last[0].index, up.last[0].parts.index(up.last[1]))
        envelope = (self._response.id, self._response.created_at, self._response.model)
        return repr((self._stage, self._is_over, sorted(up.mended), envelope, last, items))

    def trial(self) -> ResponsesLife:
        twin = ResponsesLife(self._promise, is_object=self._is_object)
        twin._up = self._up.copied()
        twin._response = self._response.copied()
        twin._stage, twin._is_over = self._stage, self._is_over
        twin._failed, twin._has_failed_there = self._failed, self._has_failed_there
        twin._items = ItemEvents(twin._up)
        twin._texts = TextEvents(twin._up, twin._items)
        return twin

    def parts_in(self, item_id: str, holder: str) -> int:
        """How many parts an item has in one of its lists."""
        item = self._up.ledger.named(item_id)
        return len(item.parts_in(holder)) if item is not None else 0

    def hold(self, size_bytes: int) -> None:
        """Count what a writer holds back beside its life."""
        self._up.size_bytes += size_bytes

    def take_back(self, chunks: list[Chunk]) -> None:
        """What was given out and could not be sent goes out with what comes next."""
        self._up.out[:0] = chunks

    def _check_size(self) -> None:
        if self._up.size_bytes > self._promise.max_reply_bytes:
            raise _too_large(self._promise.max_reply_bytes)

    def _taken(self) -> list[Chunk]:
        out = self._up.out
        self._up.out = []
        return out

    # ---- beginning ----

    def _on_lifecycle(self, chunk: Chunk) -> None:
        value, up = chunk.value, self._up
        progress = value.get("prompt_progress")
        if "prompt_progress" in value:
            # llama.cpp repeats the event for each batch. Progress never passes as an extra field.
            rest = {name: value[name] for name in value if name != "prompt_progress"}
            chunk = chunk.repaired(rest)
        told = value.get("response")
        response = told if isinstance(told, dict) else {}
        is_due = self._stage < _Stage.IN_PROGRESS
        if value["type"] == "response.created":
            is_due = self._stage is _Stage.NEW
        elif self._stage is _Stage.NEW:
            up.mend("responses.created-missing")
            self._create(None, response, "in_progress")
        if is_due:
            self._pass_lifecycle(chunk, response)
        elif progress is None:
            up.mend("responses.created-missing")
        if progress is not None:
            up.out.append(Chunk({"prompt_progress": progress}))

    def _pass_lifecycle(self, chunk: Chunk, response: dict[str, Any]) -> None:
        kind = chunk.value["type"]
        if kind == "response.created":
            self._create(chunk, response, "in_progress")
            return
        status = "queued" if kind == "response.queued" else "in_progress"
        if kind == "response.in_progress":
            self._stage = _Stage.IN_PROGRESS
        told = self._heard(response, status, _NOTHING_YET)
        self._up.out.append(self._up.telling.passed(chunk, {"response": told}))

    def _create(self, chunk: Chunk | None, response: dict[str, Any], status: str) -> None:
        self._response.begin(response)
        self._stage = _Stage.CREATED
        told = response.get("status")
        if told == "queued" and chunk is not None:
            status = "queued"
        fields = {"response": self._heard(response, status, _NOTHING_YET, is_made=chunk is None)}
        telling = self._up.telling
        self._up.out.append(
            telling.passed(chunk, fields) if chunk else telling.made("response.created", fields)
        )

    def _heard(
        self,
        told: dict[str, Any],
        status: str,
        right: Mapping[str, Any],
        *,
        is_made: bool = False,
    ) -> dict[str, Any]:
        """A response object, whole; what was wrong with the server's is noted."""
        response = self._response
        heard = response.heard(told, status, right)
        if not is_made and (not response.is_healthy(told) or told["status"] != status):
            self._up.mend("responses.response-fields")
        if response.is_changing:
            self._up.mend("responses.envelope")
        return heard

    def _open(self, response: dict[str, Any]) -> None:
        """Whatever of the beginning did not come."""
        if self._stage is _Stage.NEW:
            self._create(None, response, "in_progress")
        if self._stage is _Stage.CREATED:
            self._stage = _Stage.IN_PROGRESS
            told = self._response.heard({}, "in_progress", _NOTHING_YET)
            self._up.out.append(self._up.telling.made("response.in_progress", {"response": told}))

    def _begin(self, response: dict[str, Any] | None = None) -> None:
        if self._stage is not _Stage.IN_PROGRESS:
            self._up.mend("responses.created-missing")
            self._open(response or {})

    # ---- end ----

    def _on_terminal(self, chunk: Chunk) -> None:
        value = chunk.value
        told = value.get("response")
        response = told if isinstance(told, dict) else {}
        self._begin(response)
        status = TERMINALS[value["type"]]
        # A failure may not pass for a success, whatever the event is called.
        if status == "completed" and response.get("status") in _FAILURES:
            status = response["status"]
        elif status == "completed" and _tells_error(response.get("error")):
            status = "failed"
        self._finish(chunk, status, response)

    def _finish(self, chunk: Chunk | None, status: str, response: dict[str, Any]) -> None:
        if status not in _TERMINAL_OF:
            if status == "cancelled" and not response.get("error"):
                response = response | {"error": _CANCELLED}
            self._end_failed(chunk, response)
            return
        told = response.get("output")
        finals = self._final_items(told if isinstance(told, list) else [])
        up = self._up
        for item in up.ledger.open_items():
            up.mend("responses.done-missing")
            up.close_item(item, status)
        output = [finals.get(item.index) or item.final for item in up.ledger.announced]
        if chunk is not None and isinstance(told, list) and len(told) < len(output):
            up.mend("responses.output-missing")
        right: dict[str, Any] = {"output": output, "error": None}
        usage = response.get("usage")
        right["usage"] = full_usage(usage) if isinstance(usage, dict) else None
        if isinstance(usage, dict) and right["usage"] is not usage:
            up.mend("responses.response-fields")
        right["incomplete_details"] = _reason_of(response) if status == "incomplete" else None
        self._is_over = True
        up.out.append(self._terminal(chunk, status, response, right))

    def _end_failed(self, chunk: Chunk | None, response: dict[str, Any]) -> None:
        """What was open stays so: it is not whole, and no one shall take it for that."""
        told = response.get("error")
        error = told if isinstance(told, dict) and chunk is None else told_failure(told)
        output = [item.final or item.object("incomplete") for item in self._up.ledger.announced]
        usage = response.get("usage")
        right = {"output": output, "error": error, "incomplete_details": None}
        right["usage"] = full_usage(usage) if isinstance(usage, dict) else None
        self._is_over = True
        self._has_failed_there = chunk is not None
        self._failed = self._terminal(chunk, "failed", response, right)
        self._up.out.append(self._failed)

    def _terminal(
        self,
        chunk: Chunk | None,
        status: str,
        response: dict[str, Any],
        right: Mapping[str, Any],
    ) -> Chunk:
        telling = self._up.telling
        kind = _TERMINAL_OF.get(status, "response.failed")
        told = self._heard(response, status, right, is_made=chunk is None)
        if chunk is None:
            return telling.made(kind, {"response": told})
        return telling.passed(chunk, {"type": kind, "response": told})

    def _final_items(self, output: list[Any]) -> dict[int, dict[str, Any]]:
        """The items of the final object, by their place in ours; what only it tells is said."""
        up = self._up
        finals: dict[int, dict[str, Any]] = {}
        for place, told in enumerate(output):
            kind = told.get("type") if isinstance(told, dict) else None
            if not isinstance(told, dict) or not isinstance(kind, str) or not kind:
                up.mend("responses.item-fields")
                continue
            item = up.ledger.match(told, place, finals)
            if item is None:
                up.mend("responses.only-final")
                self._items.close_unannounced()
                item = up.add(kind, told.get("id"), None)
                keep_fields(item, told)
                up.close_item(item, "completed", told)
            elif not item.is_done:
                up.mend("responses.done-missing")
                if item.index < 0:
                    keep_fields(item, told)
                up.close_item(item, "completed", told)
            finals[item.index] = up.final_of(item, told, "completed")
            if told.get("id") != item.id:
                up.mend("responses.item-id" if told.get("id") else "responses.item-fields")
        return finals


def _tells_error(told: Any) -> bool:
    """Some servers have an empty error in a response that is well."""
    if isinstance(told, dict):
        return bool(told.get("message") or told.get("code"))
    return isinstance(told, str) and bool(told)


def _reason_of(response: Mapping[str, Any]) -> dict[str, Any]:
    told = response.get("incomplete_details")
    is_told = isinstance(told, dict) and isinstance(told.get("reason"), str)
    return told if isinstance(told, dict) and is_told else {"reason": "max_output_tokens"}


def _reworded(failed: Chunk, error: WireError) -> Chunk:
    """The server's own failure in the words of ``error``, which was searched for secrets since. If
    there were any, what stands beside the words is left out too."""
    response = failed.value["response"]
    told = response["error"]
    is_clean = told["message"] in error.message and told.get("code") == error.code
    right = {"message": error.message} if is_clean else failure_of(error)
    if right.items() <= told.items():
        return failed
    if told.get("code") == error.code:
        right["code"] = told["code"]
    mended = told | right if is_clean else right
    return failed.repaired(failed.value | {"response": response | {"error": mended}})


def _too_large(limit_bytes: int) -> PeerError:
    return PeerError(
        f"The upstream's reply is larger than {limit_bytes} bytes (setting: max_reply_bytes).",
        code="upstream_reply_too_large",
    )


_OWN_EVENTS: Mapping[str, Callable[[ResponsesLife, Chunk], None]] = {
    "response.created": ResponsesLife._on_lifecycle,
    "response.queued": ResponsesLife._on_lifecycle,
    "response.in_progress": ResponsesLife._on_lifecycle,
    **dict.fromkeys(TERMINALS, ResponsesLife._on_terminal),
}
