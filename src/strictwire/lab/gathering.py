"""A stream of response events, however broken -> the items that it told, each once.

Contract: ``Gathering.feed`` takes events as they come; ``items`` then are what a client must have
in the end. Text that came as deltas, with a done event, in a done item or only in the last event is
there once. It shares no code with the gateway's own repair of such streams, so that one can be held
against the other. It judges nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from strictwire.lab.ask import LAB_CREATED
from strictwire.lab.script import Json

# More than any reply has: what is told beyond it is not kept.
MAX_ITEMS = 10_000
# As Codex says it of a stream that ends without its terminal event.
CLOSED = "stream closed before response.completed"
TERMINALS = ("response.completed", "response.incomplete", "response.failed")
# What an event tells of, by what its name begins with: the item's type, and the item's field.
_TELLERS: tuple[tuple[str, str, str], ...] = (
    ("response.output_text.", "message", "output_text"),
    ("response.refusal.", "message", "refusal"),
    ("response.reasoning_summary_text.", "reasoning", "summary"),
    ("response.reasoning_text.", "reasoning", "content"),
    ("response.function_call_arguments.", "function_call", "arguments"),
    ("response.custom_tool_call_input.", "custom_tool_call", "input"),
)
# Where the whole of it stands in the event that says it is done.
_DONE_FIELDS = ("text", "refusal", "arguments", "input")
_CALL_FIELDS = {"function_call": "arguments", "custom_tool_call": "input"}


@dataclass(slots=True)
class _Told:
    """One item as far as it was told: by pieces, and whole once it is done."""

    kind: str
    ids: set[str] = field(default_factory=set)
    index: int | None = None
    head: Json = field(default_factory=dict)
    pieces: dict[str, list[str]] = field(default_factory=dict)
    done: Json | None = None

    def text_of(self, part: str) -> str:
        return "".join(self.pieces.get(part, ()))

    def finished(self, number: int) -> Json:
        """The item whole, with the text of its pieces where the item itself has none."""
        item = {"type": self.kind, **self.head, **(self.done or {})}
        item.setdefault("id", f"item_{number}")
        item["status"] = "completed" if item.get("status") == "in_progress" else item.get("status")
        if item["status"] is None:
            item["status"] = "completed"
        match self.kind:
            case "message":
                item.setdefault("role", "assistant")
                item["content"] = item.get("content") or self._content()
            case "reasoning":
                item["summary"] = item.get("summary") or self._texts("summary", "summary_text")
                content = item.get("content") or self._texts("content", "reasoning_text")
                if content:
                    item["content"] = content
            case "function_call" | "custom_tool_call":
                name = _CALL_FIELDS[self.kind]
                item[name] = item.get(name) or self.text_of(name)
        return item

    def _content(self) -> list[Json]:
        text, refusal = self.text_of("output_text"), self.text_of("refusal")
        told: list[Json] = []
        if text:
            told.append({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
        if refusal:
            told.append({"type": "refusal", "refusal": refusal})
        return told

    def _texts(self, part: str, kind: str) -> list[Json]:
        text = self.text_of(part)
        return [{"type": kind, "text": text}] if text else []


class Gathering:
    """Feed it every event; then ask. ``terminal`` is the event that ended the response."""

    def __init__(self) -> None:
        self._told: list[_Told] = []
        self.created: Json | None = None
        self.terminal: Json | None = None
        self.error: Json | None = None

    def feed(self, event: Json) -> None:
        kind = event.get("type")
        kind = kind if isinstance(kind, str) else ""
        response = event.get("response")
        if kind in TERMINALS and isinstance(response, dict):
            self.terminal = event
            self._compare(response.get("output"))
        elif isinstance(response, dict):
            self.created = self.created or response
        elif kind == "response.output_item.added":
            self._add(event)
        elif kind == "response.output_item.done":
            self._finish_item(event)
        elif kind == "error" or isinstance(event.get("error"), dict):
            nested = event.get("error")
            self.error = nested if isinstance(nested, dict) else event
        else:
            self._tell(kind, event)

    def feed_object(self, response: Json) -> None:
        """A response that came whole, where a stream was asked for."""
        status = response.get("status")
        kind = f"response.{status}" if f"response.{status}" in TERMINALS else TERMINALS[0]
        self.feed({"type": kind, "response": response})

    @property
    def items(self) -> list[Json]:
        return [told.finished(number) for number, told in enumerate(self._told)]

    @property
    def text(self) -> str:
        """What the messages say, refusals too."""
        return "".join(_texts_in(self.items, "message", "content"))

    @property
    def reasoning(self) -> str:
        """Summaries and thoughts."""
        items = self.items
        return "".join(
            text
            for place in ("summary", "content")
            for text in _texts_in(items, "reasoning", place)
        )

    def inferred_terminal(self, *, is_done: bool) -> Json:
        """The event that should have ended it: ``[DONE]`` is a good end, an error or a mere end
        is none."""
        response = {
            "id": "resp_lab_proxy",
            "object": "response",
            "created_at": LAB_CREATED,
            **(self.created or {}),
            "output": self.items,
        }
        if self.error is None and is_done:
            return {"type": TERMINALS[0], "response": {**response, "status": "completed"}}
        error = self.error or {"message": CLOSED}
        told = {
            "code": error.get("code") or "server_error",
            "message": error.get("message") or "the upstream told an error",
        }
        failed = {**response, "status": "failed", "error": told}
        return {"type": "response.failed", "response": failed}

    # ---- which item an event tells of ----

    def _add(self, event: Json) -> None:
        item = event.get("item")
        if isinstance(item, dict) and isinstance(item.get("type"), str):
            self._new(item["type"], event, item).head = item

    def _finish_item(self, event: Json) -> None:
        item = event.get("item")
        if not isinstance(item, dict) or not isinstance(item.get("type"), str):
            return
        told = self._find(item["type"], item.get("id"), event.get("output_index"))
        told = told or self._new(item["type"], event, item)
        told.done = item
        _add_id(told, item.get("id"))

    def _tell(self, kind: str, event: Json) -> None:
        for start, item_kind, part in _TELLERS:
            if not kind.startswith(start):
                continue
            identity = event.get("item_id")
            told = self._find(item_kind, identity, event.get("output_index"))
            told = told or self._new(item_kind, event, {"id": identity})
            _add_id(told, identity)
            pieces = told.pieces.setdefault(part, [])
            if kind.endswith(".delta"):
                pieces.append(_text(event.get("delta")))
            elif not pieces:
                pieces += (_text(event.get(name)) for name in _DONE_FIELDS if name in event)

    def _find(self, kind: str, identity: object, index: object) -> _Told | None:
        """By its id, else by its place, else the one of its kind that is open and came last."""
        same = [told for told in self._told if told.kind == kind]
        for told in same:
            if isinstance(identity, str) and identity in told.ids:
                return told
        is_open = [told for told in same if told.done is None]
        for told in is_open:
            if index is not None and told.index == index:
                return told
        return is_open[-1] if is_open else None

    def _new(self, kind: str, event: Json, item: Json) -> _Told:
        index = event.get("output_index")
        told = _Told(kind, index=index if isinstance(index, int) else None)
        _add_id(told, item.get("id"))
        if len(self._told) < MAX_ITEMS:
            self._told.append(told)
        return told

    def _compare(self, output: object) -> None:
        """The last list: what it has by the same id, else in the same place among its kind, was
        told; the rest is new."""
        items = [item for item in (output if isinstance(output, list) else ()) if _is_item(item)]
        free = list(self._told)
        unknown: list[Json] = []
        for item in items:
            identity = str(item.get("id"))
            found = next((told for told in free if identity in told.ids), None)
            if found is None:
                unknown.append(item)
            else:
                free.remove(found)
                _complete(found, item)
        for item in unknown:
            found = next((told for told in free if told.kind == item["type"]), None)
            if found is not None:
                free.remove(found)
            else:
                found = self._new(item["type"], {}, item)
            _complete(found, item)


def _is_item(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("type"), str)


def _complete(told: _Told, item: Json) -> None:
    """The item from the last list, where none was told to be done."""
    if told.done is None:
        told.done = item


def _add_id(told: _Told, identity: object) -> None:
    if isinstance(identity, str) and identity:
        told.ids.add(identity)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts_in(items: list[Json], kind: str, place: str) -> Iterator[str]:
    for item in items:
        parts = item.get(place) if item.get("type") == kind else None
        for part in parts if isinstance(parts, list) else ():
            if isinstance(part, dict):
                yield _text(part.get("text")) or _text(part.get("refusal"))
