"""The items of one reply as far as they were told: their parts, and the texts in these.

Contract: plain records. Nothing here decides what goes out; ``life`` does. A text is gathered
because this dialect repeats it: in its done events, in the item that is done and in the response.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

from strictwire.dialects.responses.kinds import CALLS, CARRIED_ITEMS, KNOWN_ITEMS, TextKind

# A token is some four letters, and each small str costs fifty bytes beside them: so pieces are
# joined once there are this many.
PIECES_JOINED = 128


class Text:
    """A text that grows piece by piece."""

    __slots__ = ("_blocks", "_pieces")

    def __init__(self) -> None:
        self._blocks: tuple[str, ...] = ()
        self._pieces: list[str] = []

    def add(self, piece: str) -> None:
        if not piece:
            return  # it would pass for something that was told
        pieces = self._pieces
        pieces.append(piece)
        if len(pieces) == PIECES_JOINED:
            self._blocks = (*self._blocks, "".join(pieces))
            pieces.clear()

    def joined(self) -> str:
        return "".join((*self._blocks, *self._pieces))

    def copied(self) -> Text:
        twin = Text()
        twin._blocks = self._blocks
        twin._pieces = self._pieces.copy()
        return twin

    def __bool__(self) -> bool:
        return bool(self._blocks or self._pieces)


@dataclass(slots=True)
class Part:
    """One part of an item, or a call's text. ``told_index`` is the index that the server uses.
    ``value`` is a part of a kind that we carry as it comes, whose ``kind`` is None; of others it
    has the fields that we do not know. ``early`` is a text that came with the announcement, where
    none belongs: it counts if nothing is told later. ``is_told_whole``: its end came before its
    item could be announced, so it is held, and what comes after tells it again."""

    kind: TextKind | None
    index: int
    told_index: int | None = None
    text: Text = field(default_factory=Text)
    annotations: list[Any] = field(default_factory=list)
    logprobs: list[Any] = field(default_factory=list)
    value: dict[str, Any] = field(default_factory=dict)
    early: str = ""
    is_told_whole: bool = False
    is_text_done: bool = False
    is_done: bool = False

    def object(self) -> dict[str, Any]:
        """The part as its item has it."""
        if self.kind is None:
            return self.value
        told: dict[str, Any] = {"type": self.kind.part}
        if self.kind.part == "output_text":
            told |= {"annotations": self.annotations.copy(), "logprobs": self.logprobs.copy()}
        return self.value | told | {self.kind.field: self.text.joined()}

    def opening(self) -> dict[str, Any]:
        """The part as it is announced: without what is still to be told."""
        if self.kind is None:
            return self.value
        told: dict[str, Any] = {"type": self.kind.part}
        if self.kind.part == "output_text":
            told |= {"annotations": [], "logprobs": []}
        return told | {self.kind.field: ""}

    def copied(self) -> Part:
        twin = copy.copy(self)
        twin.text = self.text.copied()
        twin.annotations = self.annotations.copy()
        twin.logprobs = self.logprobs.copy()
        return twin


@dataclass(slots=True)
class Item:
    """One item of the output. ``index`` is its place in ours, -1 before it was announced.

    ``open_parts`` are those of its parts that are not done, and some that are since; ``counts`` is
    how many stand in each of its lists.
    ``fields`` is what was told of it beside id, type, status and texts. ``is_announced_there``: the
    server told of it by itself, so it is the server's to end it. ``is_id_used``: later events
    named it by the id it had. ``early`` is an item that was announced with its texts, where none
    belong: they count if nothing is told later. ``final`` is the item as it went out when it was
    done.
    """

    kind: str
    id: str
    told_index: int | None = None
    index: int = -1
    fields: dict[str, Any] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)
    open_parts: list[Part] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    is_announced_there: bool = False
    is_id_used: bool = False
    early: dict[str, Any] | None = None
    final: dict[str, Any] | None = None

    @property
    def is_done(self) -> bool:
        return self.final is not None

    @property
    def is_known(self) -> bool:
        return self.kind in KNOWN_ITEMS

    @property
    def has_status(self) -> bool:
        """Whether clients want one: the schema lets calls do without, the AI SDK does not."""
        return self.is_known and self.kind != "reasoning"

    def parts_in(self, holder: str) -> list[Part]:
        return [part for part in self.parts if _holder(part) == holder]

    def open_part(self, kind: TextKind) -> Part | None:
        """The last part of a kind whose text may still go on."""
        for part in reversed(self.undone_parts()):
            if part.kind is kind and not part.is_text_done:
                return part
        return None

    def add_part(self, kind: TextKind | None, told_index: Any) -> Part:
        holder = kind.holder if kind is not None else "content"
        index = self.counts.get(holder, 0)
        self.counts[holder] = index + 1
        part = Part(kind, index, told_index if isinstance(told_index, int) else index)
        self.parts.append(part)
        self.open_parts.append(part)
        return part

    def undone_parts(self) -> list[Part]:
        """Nearly always one or none, however many parts an item has."""
        self.open_parts = [part for part in self.open_parts if not part.is_done]
        return self.open_parts

    def opening(self) -> dict[str, Any]:
        """The item as it is announced: without what is still to be told."""
        return self._object("in_progress", is_opening=True)

    def object(self, status: str) -> dict[str, Any]:
        """The item as far as it was told."""
        return self._object(status, is_opening=False)

    def _object(self, status: str, *, is_opening: bool) -> dict[str, Any]:
        told: dict[str, Any] = {"id": self.id, "type": self.kind}
        if not self.is_known:
            return self._carried(told, status)
        if self.has_status:
            told["status"] = status
        told = {**told, **self.fields, **told}
        call = CALLS.get(self.kind)
        if call is not None:
            return told | {call.field: "" if is_opening else self.text()}
        if self.kind == "message":
            told.setdefault("role", "assistant")
        return told | ({} if is_opening else self.lists()) | (self._bare() if is_opening else {})

    def _carried(self, told: dict[str, Any], status: str) -> dict[str, Any]:
        fields = {**CARRIED_ITEMS.get(self.kind, {}), **self.fields}
        # One that says how it went may have failed by itself; else it is as far as the reply is.
        is_open = status == "in_progress" or fields.get("status") == "in_progress"
        if "status" in fields and is_open:
            fields["status"] = status
        return {**told, **fields, **told}

    def _bare(self) -> dict[str, Any]:
        return {"summary": []} if self.kind == "reasoning" else {"content": []}

    def lists(self) -> dict[str, Any]:
        """The item's lists of parts."""
        content = [part.object() for part in self.parts_in("content")]
        if self.kind == "message":
            return {"content": content}
        summary = [part.object() for part in self.parts_in("summary")]
        return {"summary": summary} | ({"content": content} if content else {})

    def text(self) -> str:
        """A call's text."""
        return self.parts[0].text.joined() if self.parts else ""

    def copied(self) -> Item:
        twin = copy.copy(self)
        twin.fields = dict(self.fields)
        twins = {id(part): part.copied() for part in self.parts}
        twin.parts = list(twins.values())
        twin.counts = dict(self.counts)
        twin.open_parts = [twins[id(part)] for part in self.open_parts]
        return twin


def _holder(part: Part) -> str:
    return part.kind.holder if part.kind is not None else "content"
