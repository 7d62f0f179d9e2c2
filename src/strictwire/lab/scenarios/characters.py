"""Characters cut in two by the tokenizer: half in one delta, half in the next, or nowhere.

Halves come as half a surrogate pair in JSON's escapes, or as raw bytes that are no UTF-8.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from strictwire.lab.ask import Ask
from strictwire.lab.scenarios.answer import REASONING_PIECES, Answer, Choice, telling
from strictwire.lab.scenarios.completion import in_dialect
from strictwire.lab.scenarios.scenario import Builder, Scenario
from strictwire.lab.scenarios.strict import DONE, strict_chunks
from strictwire.lab.script import Json, Reply

_PARROT = "\N{PARROT}"
_TEXT = ("Hello ", _PARROT, " from ", "\N{CLOUD}\N{VARIATION SELECTOR-16} ", "日本", _PARROT, ".")
_ALONE = "\ufffd"

Halver = Callable[[str], tuple[str, str] | None]


def _surrogate_halves(text: str) -> tuple[str, str] | None:
    """Inside the first character that JSON escapes as a pair."""
    units = text.encode("utf-16-be")
    for at in range(0, len(units), 2):
        if 0xD8 <= units[at] < 0xDC:
            cut = at + 2
            return tuple(  # type: ignore[return-value]
                part.decode("utf-16-be", "surrogatepass") for part in (units[:cut], units[cut:])
            )
    return None


def _byte_halves(text: str) -> tuple[str, str] | None:
    """Behind the first byte of the first character that has several."""
    data = text.encode()
    for at, byte in enumerate(data):
        if byte >= 0xC0:
            head, tail = data[: at + 1], data[at + 1 :]
            return head.decode("utf-8", "surrogateescape"), tail.decode("utf-8", "surrogateescape")
    return None


def _as_escapes(value: Json) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def _as_raw_bytes(value: Json) -> bytes:
    text = json.dumps(value, ensure_ascii=False)
    return b"data: " + text.encode("utf-8", "surrogateescape") + b"\n\n"


def _halved(chunks: Iterable[Json], halves: Halver) -> list[Json]:
    """Each delta whose text can be cut, in two."""
    cut: list[Json] = []
    for told in chunks:
        parts = _parts(told, halves)
        cut += parts or [told]
    return cut


def _parts(told: Json, halves: Halver) -> list[Json]:
    for said in told["choices"]:
        for key in ("content", "reasoning_content"):
            text = said["delta"].get(key)
            cut = halves(text) if text else None
            if cut is not None:
                return [{**told, "choices": [{**said, "delta": {key: part}}]} for part in cut]
    return []


def _cut(halves: Halver, spell: Callable[[Json], bytes]) -> Builder:
    def build(answer: Answer, ask: Ask) -> Reply:
        chunks = _halved(strict_chunks(answer, ask), halves)
        return Reply((*map(spell, in_dialect(chunks, ask)), DONE))

    return build


def _with_lone_halves(answer: Answer, ask: Ask) -> Reply:
    """What the answer has as U+FFFD comes as half a pair whose other half never comes."""
    chunks = strict_chunks(answer, ask)
    for told in chunks:
        for said in told["choices"]:
            text = said["delta"].get("content", "")
            if _ALONE in text:
                said["delta"]["content"] = text.replace(_ALONE, "\ud83e")
    return Reply((*map(_as_escapes, in_dialect(chunks, ask)), DONE))


_TELL = telling(Choice(_TEXT))

ROWS = (
    Scenario(
        name="split-character",
        title="A character as half a surrogate pair in one delta and half in the next",
        rules=("chat.split-character",),
        quirks=(20,),
        tell=_TELL,
        stream=_cut(_surrogate_halves, _as_escapes),
    ),
    Scenario(
        name="split-character-bytes",
        title="A character as raw bytes, some in one delta and some in the next",
        rules=("chat.split-character",),
        quirks=(20,),
        tell=_TELL,
        stream=_cut(_byte_halves, _as_raw_bytes),
    ),
    Scenario(
        name="split-character-reasoning",
        title="A character of the reasoning in two halves",
        rules=("chat.split-character",),
        quirks=(20,),
        tell=telling(Choice(_TEXT, (*REASONING_PIECES, _PARROT))),
        stream=_cut(_surrogate_halves, _as_escapes),
    ),
    Scenario(
        name="split-character-lost",
        title="Halves of characters whose other half never comes",
        rules=("chat.split-character",),
        quirks=(20,),
        tell=telling(Choice(("Hello ", _ALONE, " there", f" {_ALONE}"))),
        stream=_with_lone_halves,
    ),
)
