"""Streams of any dialect with something wrong in them: a scripted reply, and a few edits of it.

An edit is plain numbers, so that hypothesis can make it smaller: what is done, at which event, at
which of its fields, and what is put there. Numbers beyond what there is begin anew from 0.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from strictwire.lab.replay import Recording
from strictwire.lab.scenarios import SCENARIOS_OF
from strictwire.model.request import Dialect

CORPUS = Path(__file__).resolve().parents[2] / "corpus"
# Longer replies say nothing more about order, and each example plays one several times.
MAX_STREAM_BYTES = 8192
MAX_EDITS = 4
# What stands where something else belongs.
_VALUES: tuple[Any, ...] = (
    None, "", "x", 0, 1, 7, -1, 1.5, True, False, [], {}, [None], ["x"], {"a": 1}, [{}], "0",
)  # fmt: skip


@dataclass(frozen=True)
class Edit:
    what: int
    event: int
    field: int
    value: int


EDITS = st.lists(
    st.builds(
        Edit,
        st.integers(0, 8),
        st.integers(0, 60),
        st.integers(0, 60),
        st.integers(0, 60),
    ),
    max_size=MAX_EDITS,
)


@cache
def streams_of(dialect: Dialect) -> tuple[bytes, ...]:
    """What the lab and the recorded servers stream in a dialect, each once."""
    told = [Recording.parse(path.read_bytes()).reply
            for path in sorted((CORPUS / dialect).glob("*.http"))]  # fmt: skip
    told = [reply for reply in told if reply.is_event_stream]
    for row in SCENARIOS_OF[dialect].values():
        ask = replace(row.ask_in(dialect), is_stream=True, includes_usage=True)
        told.append(row.reply(ask))
    bodies = (b"".join(one.frames) for one in told if one.status == 200 and not one.is_lazy)
    return tuple(dict.fromkeys(body for body in bodies if len(body) <= MAX_STREAM_BYTES))


def spoil(body: bytes, edits: Sequence[Edit]) -> bytes:
    """The stream with what the edits do to it, one after the other."""
    blocks = [block for block in body.split(b"\n\n") if block]
    for edit in edits:
        if blocks:
            _EDITS[edit.what % len(_EDITS)](blocks, edit.event % len(blocks), edit)
    return b"".join(block + b"\n\n" for block in blocks)


@st.composite
def spoiled(draw: st.DrawFn, dialect: Dialect) -> bytes:
    return spoil(draw(st.sampled_from(streams_of(dialect))), draw(EDITS))


# ---- edits of the order ----


def _drop(blocks: list[bytes], place: int, edit: Edit) -> None:
    del blocks[place]


def _repeat(blocks: list[bytes], place: int, edit: Edit) -> None:
    blocks.insert((place + edit.field) % len(blocks) + 1, blocks[place])


def _move(blocks: list[bytes], place: int, edit: Edit) -> None:
    block = blocks.pop(place)
    blocks.insert((place + edit.field) % (len(blocks) + 1), block)


def _cut(blocks: list[bytes], place: int, edit: Edit) -> None:
    del blocks[place + 1 :]


def _unname(blocks: list[bytes], place: int, edit: Edit) -> None:
    """Without an ``event:`` line, or under the name of another event."""
    lines = [line for line in blocks[place].split(b"\n") if not line.startswith(b"event:")]
    names = [line for block in blocks for line in block.split(b"\n") if line.startswith(b"event:")]
    if names and edit.field % 2:
        lines.insert(0, names[edit.value % len(names)])
    blocks[place] = b"\n".join(lines)


# ---- edits of one event ----


def _remove(blocks: list[bytes], place: int, edit: Edit) -> None:
    def change(holder: Any, key: Any) -> None:
        del holder[key]

    _change(blocks, place, edit, change)


def _replace(blocks: list[bytes], place: int, edit: Edit) -> None:
    def change(holder: Any, key: Any) -> None:
        holder[key] = copy.deepcopy(_VALUES[edit.value % len(_VALUES)])

    _change(blocks, place, edit, change)


def _borrow(blocks: list[bytes], place: int, edit: Edit) -> None:
    """A field's value from another event that has it."""
    others = [value for value in map(_value_in, blocks) if value is not None]

    def change(holder: Any, key: Any) -> None:
        told = [one[at] for value in others for one, at in _fields(value) if at == key]
        if told:
            holder[key] = copy.deepcopy(told[edit.value % len(told)])

    _change(blocks, place, edit, change)


def _put_in(blocks: list[bytes], place: int, edit: Edit) -> None:
    """An event of any other reply."""
    dialects = [dialect for dialect in SCENARIOS_OF if dialect != "ollama"]  # it has no events
    streams = streams_of(dialects[edit.field % len(dialects)])
    other = [block for block in streams[edit.value % len(streams)].split(b"\n\n") if block]
    blocks.insert(place, other[edit.event % len(other)])


_EDITS = (_drop, _repeat, _move, _cut, _unname, _remove, _replace, _borrow, _put_in)


def _change(blocks: list[bytes], place: int, edit: Edit, change: Any) -> None:
    value = _value_in(blocks[place])
    fields = list(_fields(value))
    if fields:
        change(*fields[edit.field % len(fields)])
        head = blocks[place].partition(b"data:")[0]
        blocks[place] = (
            head
            + b"data: "
            + json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
        )


def _value_in(block: bytes) -> Any:
    _, found, data = block.partition(b"data:")
    try:
        return json.loads(data) if found and b"\n" not in data else None
    except ValueError:
        return None


def _fields(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every field at any depth, with what holds it."""
    if isinstance(value, dict):
        for key in value:
            yield value, key
            yield from _fields(value[key])
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield value, place
            yield from _fields(inner)
