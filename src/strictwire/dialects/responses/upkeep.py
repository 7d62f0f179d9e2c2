"""What brings an item to where the next event may stand: announce it, open a part, say the rest of
a text, close.

Contract: each method appends to ``out`` the events that are still missing, none twice, and keeps
the ledger's records true. It does not judge whether the server should have told them: ``mended``
takes the names that ``life`` gives. Where a text is told again and says otherwise, what went out
first holds, since it cannot be taken back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from strictwire.dialects.responses.items import Item, Part
from strictwire.dialects.responses.kinds import (
    ARGUMENTS,
    CALLS,
    CARRIED_ITEMS,
    OUTPUT_TEXT,
    Holder,
    TextKind,
    derived_id,
    part_kind,
    says_what_it_is,
)
from strictwire.dialects.responses.ledger import Ledger
from strictwire.dialects.responses.telling import Telling
from strictwire.model.chunks import Chunk
from strictwire.model.errors import PeerError

# Reasoning has a part for each of its thoughts, an answer one for each of its sources. A peer that
# tells of more wants our time and our memory.
MAX_PARTS = 4096

# What a record costs beside its texts, about, in bytes.
ITEM_BYTES = 1024
PART_BYTES = 512
_PIECE_BYTES = 8
_TOKEN_BYTES = 400

STATUSES = ("in_progress", "completed", "incomplete")
# Of an item that is done.
_LAST_STATUSES = ("completed", "incomplete")
_HOLDERS: tuple[Holder, ...] = ("summary", "content")

_encode = msgspec.json.encode


class Upkeep:
    """``size_bytes`` is about what is held. ``last`` is where the last delta went, ``told_number``
    the sequence number that the server's next event should have."""

    __slots__ = ("last", "ledger", "mended", "out", "reply_id", "size_bytes", "telling",
                 "told_number")  # fmt: skip

    def __init__(self, reply_id: str) -> None:
        self.reply_id = reply_id
        self.ledger = Ledger()
        self.telling = Telling()
        self.told_number = 0
        self.out: list[Chunk] = []
        self.mended: frozenset[str] = frozenset()
        self.size_bytes = 0
        self.last: tuple[Item, Part] | None = None

    def mend(self, name: str) -> None:
        if name not in self.mended:
            self.mended |= {name}

    def check_number(self, value: Mapping[str, Any]) -> None:
        """The server's numbers are judged by themselves: ours differ as soon as we add a chunk."""
        told = value.get("sequence_number")
        if type(told) is not int or told != self.told_number:
            self.mend("responses.sequence")
        self.told_number = (told if type(told) is int else self.told_number) + 1

    def count(self) -> None:
        """A chunk of the server went out as it was."""
        self.telling.number += 1
        self.told_number += 1

    # ---- items ----

    def add(self, kind: str, told_id: Any, told_index: Any) -> Item:
        self.size_bytes += ITEM_BYTES
        return self.ledger.add(kind, told_id, told_index)

    def announce(self, item: Item) -> None:
        """Tell of an item that was not told of, with what was held for it."""
        self.enter(item)
        self.out.append(self.telling.item_added(item))
        for part in item.parts:
            if part.text:
                self.out.append(self.telling.delta(item, part, part.text.joined(), []))

    def enter(self, item: Item) -> None:
        """The item takes its place in the output, under an id of its own."""
        ledger = self.ledger
        ledger.announce(item, derived_id(item.kind, self.reply_id, len(ledger.announced)))
        if item.kind in CALLS:
            self._claim_call_id(item)
            item.fields.setdefault("name", "")

    def _claim_call_id(self, item: Item) -> None:
        """A call is answered by its ``call_id``, so no two may have the same."""
        taken, fields = self.ledger.call_ids, item.fields
        if fields.get("call_id") in taken:
            self.mend("responses.item-id")
            del fields["call_id"]
        taken.add(fields.setdefault("call_id", f"call_{self.reply_id}_{item.index}"))

    def close_item(self, item: Item, status: str, told: dict[str, Any] | None = None) -> None:
        """Say what is missing of an item, and that it is done."""
        self.settle(item, told)
        if told is None:
            item.final = item.object(status)
        else:
            item.final = self.final_of(item, told, status)
        self.out.append(self.telling.item_done(item))

    def settle(self, item: Item, told: dict[str, Any] | None) -> None:
        """Say all that was told of an item and did not go out, and close its parts."""
        if item.index < 0:
            self.announce(item)
        if told is not None:
            self.fill(item, told)
        if item.early is not None and not any(part.text for part in item.parts):
            self.fill(item, item.early)
        item.early = None
        if item.kind in CALLS and not item.parts:
            self.open_part(item, CALLS[item.kind], None)
        self._close_parts(item)

    def final_of(self, item: Item, told: dict[str, Any], status: str) -> dict[str, Any]:
        """An item as its server told it at its end, where that is right; else mended."""
        right: dict[str, Any] = {"id": item.id, "type": item.kind}
        if item.is_known:
            ours = item.object(status)
            texts = ("content", "summary", "arguments", "input")
            right |= {name: ours[name] for name in texts if name in ours}
            words = ("status", "role", "name", "call_id")
            wrong = [name for name in words if not isinstance(told.get(name), str)]
            if told.get("status") not in _LAST_STATUSES and "status" in told:
                wrong.append("status")
            if told.get("role") != "assistant":
                wrong.append("role")
            right |= {name: ours[name] for name in wrong if name in ours}
            if "status" in wrong:
                right["status"] = status
            if item.kind in CALLS:
                # Whom the client was told of is whom it answers.
                right |= {name: item.fields[name] for name in ("call_id", "name")}
            right |= {name: item.fields[name] for name in item.fields if name not in told}
            if not item.has_status and "status" not in told:
                right.pop("status", None)
        else:
            ours = item.object(status)
            right |= {
                name: ours[name] for name in CARRIED_ITEMS.get(item.kind, ()) if name not in told
            }
        return told if right.items() <= told.items() else told | right

    def fill(self, item: Item, told: dict[str, Any]) -> None:
        """Say what an item's last word has beyond what went out."""
        call = CALLS.get(item.kind)
        if call is not None:
            part = self.open_part(item, call, None)
            self.say_rest(item, part, as_text(told.get(call.field)))
        for holder in _HOLDERS if item.is_known and call is None else ():
            there = item.parts_in(holder)
            for place, value in enumerate(parts_told(told, holder)):
                kind = part_kind(item.kind, holder, value)
                self._fill_part(item, kind, there[place] if place < len(there) else place, value)

    def _fill_part(
        self, item: Item, kind: TextKind | None, there: Part | int, told: dict[str, Any]
    ) -> None:
        """Say what is told of a part that is there, or that has its place after those."""
        part, place = (there, there.index) if isinstance(there, Part) else (None, there)
        if kind is None:
            if part is None and says_what_it_is(told):
                self.carry_part(item, told, place)
            return
        if part is None:
            part = self.open_part(item, kind, place)
        if part.kind is kind:
            self.say_rest(item, part, as_text(told.get(kind.field)), told)

    # ---- parts ----

    def part_of(self, item: Item, kind: TextKind, told_index: Any) -> Part | None:
        """The open part of a text that a server means, by its index or as the only one."""
        if not kind.place:
            return item.parts[0] if item.parts and not item.parts[0].is_text_done else None
        if not isinstance(told_index, int):
            return item.open_part(kind)
        for part in reversed(item.undone_parts()):
            if part.kind is kind and part.told_index == told_index and not part.is_text_done:
                return part
        return None

    def open_part(self, item: Item, kind: TextKind, told_index: Any) -> Part:
        """The part for a text; a new one is announced after those before it were closed."""
        part = self.part_of(item, kind, told_index)
        if part is None and not kind.place and item.parts:
            return item.parts[0]
        if part is None:
            self._close_parts(item)
            part = self.new_part(item, kind, told_index)
            if kind.place:
                self.out.append(self.telling.part_added(item, part))
        return part

    def new_part(self, item: Item, kind: TextKind | None, told_index: Any) -> Part:
        if len(item.parts) == MAX_PARTS:
            raise PeerError(
                f"An item of the upstream's reply has more than {MAX_PARTS} parts.",
                code="upstream_reply_too_large",
            )
        self.size_bytes += PART_BYTES
        return item.add_part(kind, told_index)

    def carry_part(self, item: Item, value: dict[str, Any], told_index: Any) -> None:
        """A part of a kind that we do not know: as it comes, whole."""
        self._close_parts(item)
        part = self.new_part(item, None, told_index)
        part.value = value
        self.size_bytes += len(_encode(value))
        self.out.append(self.telling.part_added(item, part))
        self.close_part(item, part)

    def _close_parts(self, item: Item) -> None:
        for part in item.undone_parts():
            self.close_part(item, part)

    def close_part(self, item: Item, part: Part) -> None:
        if not part.is_text_done and part.kind is not None:
            if not part.text:
                self.say_at_last(item, part)
            self.out.append(self.telling.text_done(item, part))
        part.is_text_done = True
        if not part.is_done and (part.kind is None or part.kind.place):
            self.out.append(self.telling.part_done(item, part))
        part.is_done = True

    def say_at_last(self, item: Item, part: Part) -> None:
        """Nothing was told of a text until its end."""
        text = part.early
        if not text and part.kind is ARGUMENTS:
            text = "{}"  # clients read arguments as JSON, and nothing is none
        if text:
            self.say(item, part, text)

    # ---- texts ----

    def say(self, item: Item, part: Part, text: str, logprobs: list[Any] | None = None) -> None:
        """A piece of text, as a delta of ours; held where the item was not announced."""
        if item.index >= 0:
            self.out.append(self.telling.delta(item, part, text, logprobs or []))
        self.heard(item, part, text, logprobs)

    def heard(self, item: Item, part: Part, text: str, logprobs: list[Any] | None) -> None:
        part.text.add(text)
        self.size_bytes += len(text) + _PIECE_BYTES
        if logprobs:
            part.logprobs.extend(logprobs)
            self.size_bytes += _TOKEN_BYTES * len(logprobs)
        self.last = (item, part)

    def say_rest(
        self, item: Item, part: Part, full: str | None, told: dict[str, Any] | None = None
    ) -> bool:
        """Say what a whole text has beyond its pieces, and what stands beside it. Whether it
        had any."""
        has_more = False
        if full and not part.is_text_done:
            said = part.text.joined()
            if len(full) > len(said) and full.startswith(said):
                logprobs = told.get("logprobs") if told and not said else None
                rest = full[len(said) :]
                self.say(item, part, rest, logprobs if isinstance(logprobs, list) else None)
                has_more = True
        if told is not None and part.kind is OUTPUT_TEXT and not part.is_done:
            has_more |= self._annotate_rest(item, part, told.get("annotations"))
        return has_more

    def _annotate_rest(self, item: Item, part: Part, told: Any) -> bool:
        rest = told[len(part.annotations) :] if isinstance(told, list) else []
        for annotation in rest:
            part.annotations.append(annotation)
            self.size_bytes += len(_encode(annotation))
            number = len(part.annotations) - 1
            self.out.append(self.telling.annotation(item, part, number))
        return bool(rest)

    def copied(self) -> Upkeep:
        twin = Upkeep(self.reply_id)
        twin.ledger, twins = self.ledger.copied()
        twin.telling = Telling(self.telling.number)
        twin.told_number = self.told_number
        twin.mended = self.mended
        twin.size_bytes = self.size_bytes
        if self.last is not None:
            item, part = self.last
            twins_item = twins[id(item)]
            twin.last = (twins_item, twins_item.parts[item.parts.index(part)])
        return twin


def as_text(told: Any) -> str | None:
    """A text, or an object where a text belongs, written as one."""
    if isinstance(told, (dict, list)):
        return _encode(told).decode()
    return told if isinstance(told, str) else None


def parts_told(item: dict[str, Any], holder: str) -> list[dict[str, Any]]:
    """An item's parts; a bare text is one."""
    told = item.get(holder)
    values = told if isinstance(told, list) else [told]
    parts = ({"text": value} if isinstance(value, str) and value else value for value in values)
    return [part for part in parts if isinstance(part, dict)]
