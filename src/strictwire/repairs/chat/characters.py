"""The rule for characters that were cut in two, and for text that no UTF-8 can hold.

Halves reach the chunk rules as lone surrogates: U+D800 to U+DFFF as the JSON told them, or U+DC80
to U+DCFF for raw bytes that are no UTF-8 (Python's ``surrogateescape``). After this rule no text
of a chunk has any.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from strictwire.model.chunks import Chunk, HeldChunk
from strictwire.model.errors import PeerError
from strictwire.repairs.chat.split import bare, envelope_of, extras_of, says_beside
from strictwire.repairs.rule import ChunkRule

_SURROGATE = re.compile("[\ud800-\udfff]")
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_BYTES = re.compile("[\udc80-\udcff]+")
# What may be half a character at the end of a text: a high surrogate, or up to three bytes.
_OPEN_END = re.compile(r"(?:[\ud800-\udbff]|[\udc80-\udcff]{1,3})\Z")
_REPLACEMENT = "\ufffd"

# The texts of a delta. A call's arguments come beside them, with the index of their piece.
_TEXTS = ("content", "reasoning_content", "reasoning", "refusal")
# Choices and calls whose next text is awaited at once. A reply has a handful; a peer that begins a
# character under ever new indexes must not fill our memory.
MAX_HELD_HALVES = 256

# A piece of a call with no more than these tells nothing once its text is held.
_PIECE_OWN = frozenset(("index", "type", "function"))

# Of which text a half was told: its choice, its key, and the piece where it is arguments.
_Place = tuple[int, str, int]


@dataclass(slots=True)
class _Half:
    text: str
    envelope: dict[str, Any]
    has_finished: bool = False  # its choice told a finish reason since


@dataclass(slots=True)
class SplitCharacter(ChunkRule):
    """Join a character that the tokenizer cut in two, and tell none of its halves.

    A token may end inside a character. Servers that send what they have tell the first bytes in
    one delta and the rest in the next, as raw bytes or as half a surrogate pair: strict readers
    reject the stream, others show two replacement characters. The half at the end of a text is
    held until the next text of the same kind; what finds no other half becomes U+FFFD, at the
    latest when the reply ends.
    """

    name = "chat.split-character"
    title = "A character is cut in two, or text is no Unicode"
    quirks = (20,)
    evidence = "lab:split-character"
    is_foundation = True

    held: dict[_Place, _Half] = field(default_factory=dict)

    def feed(self, item: Chunk) -> Iterable[Chunk]:
        # What a strict reader read, and still has its bytes, holds no half.
        return (item,) if item.raw and not self.held else self._joined(item)

    def _joined(self, item: Chunk) -> Iterator[Chunk]:
        value = item.value
        choices = value.get("choices")
        if isinstance(choices, list):
            mended = [self._choice(choice, place, value) for place, choice in enumerate(choices)]
            if self.held:
                self._note_finishes(choices)
            if any(new is not old for new, old in zip(mended, choices, strict=True)):
                value = value | {"choices": mended}
                if all(map(_is_hollow, mended)) and not (value.get("usage") or extras_of(value)):
                    self.fired = True
                    return
        value = _whole_value(value)
        if value is item.value:
            yield item
            return
        self.fired = True
        yield item.repaired(value)

    def finish(self) -> Iterator[Chunk]:
        for place in sorted(self.held):
            self.fired = True
            yield _unjoined(place, self.held[place])

    def _note_finishes(self, choices: list[Any]) -> None:
        """A half whose choice finishes, or says so, is awaited still, but was told before that."""
        for place, choice in enumerate(choices):
            if isinstance(choice, dict) and _is_finish(choice.get("finish_reason")):
                for held, half in self.held.items():
                    half.has_finished = half.has_finished or held[0] == _index_of(choice, place)

    def _choice(self, choice: Any, place: int, value: dict[str, Any]) -> Any:
        """The choice with its texts joined to what was held; a half at an end is held."""
        if not isinstance(choice, dict):
            return choice
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            return self._completion(choice, place, value)
        index = _index_of(choice, place)
        envelope = envelope_of(value)
        told = dict(delta)
        for name in _TEXTS:
            text = delta.get(name)
            if isinstance(text, str) and text:
                told[name] = self._join((index, name, 0), text, envelope)
                if not told[name]:
                    del told[name]
        calls = delta.get("tool_calls")
        if isinstance(calls, list):
            pieces = [self._piece(index, n, piece, envelope) for n, piece in enumerate(calls)]
            if any(new is not old for new, old in zip(pieces, calls, strict=True)):
                told["tool_calls"] = [piece for piece in pieces if piece is not None]
                if not told["tool_calls"]:
                    del told["tool_calls"]
        is_same = len(told) == len(delta) and all(told[name] is delta[name] for name in told)
        return choice if is_same else choice | {"delta": told}

    def _completion(self, choice: dict[str, Any], place: int, value: dict[str, Any]) -> Any:
        """The same for a completion, whose text has no delta around it."""
        text = choice.get("text")
        if not isinstance(text, str) or not text:
            return choice
        place_of_text = (_index_of(choice, place), "text", 0)
        joined = self._join(place_of_text, text, envelope_of(value))
        return choice if joined is text else choice | {"text": joined}

    def _piece(self, index: int, place: int, piece: Any, envelope: dict[str, Any]) -> Any:
        """The piece of a call; None where it told no more than a half."""
        body = piece.get("function") if isinstance(piece, dict) else None
        if not isinstance(body, dict):
            return piece
        text = body.get("arguments")
        if not isinstance(text, str) or not text:
            return piece
        joined = self._join((index, "arguments", _index_of(piece, place)), text, envelope)
        if joined is text:
            return piece
        is_hollow = not (joined or piece.get("id") or body.get("name"))
        if is_hollow and piece.keys() <= _PIECE_OWN:
            return None
        return piece | {"function": body | {"arguments": joined}}

    def _join(self, place: _Place, text: str, envelope: dict[str, Any]) -> str:
        """What can be told of a text now."""
        half = self.held.pop(place, None)
        if half is not None:
            text = half.text + text
        if _SURROGATE.search(text) is None:
            return text
        text = _PAIR.sub(_as_character, text)
        end = _open_end(text)
        if end:
            if len(self.held) == MAX_HELD_HALVES:
                del self.held[next(iter(self.held))]
            self.held[place] = _Half(end, envelope)
            text = text[: -len(end)]
        return _told(text)


def _unjoined(place: _Place, half: _Half) -> Chunk:
    """What is told of a half that found no other."""
    index, name, number = place
    delta: dict[str, Any] = {name: _REPLACEMENT}
    if name == "arguments":
        function = {"arguments": _REPLACEMENT}
        delta = {"tool_calls": [{"index": number, "function": function}]}
    choice = bare({"index": index}, delta)
    if name == "text":
        choice = {"index": index, **delta, "finish_reason": None}
    kind = HeldChunk if half.has_finished else Chunk
    return kind(half.envelope | {"choices": [choice]})


def _is_finish(reason: Any) -> bool:
    return isinstance(reason, str) and bool(reason.strip())


def _index_of(told: dict[str, Any], place: int) -> int:
    index = told.get("index")
    return index if isinstance(index, int) else place


def _open_end(text: str) -> str:
    """The end of a text that may be the beginning of a character."""
    match = _OPEN_END.search(text)
    if match is None:
        return ""
    end = match.group()
    if not _is_byte(end[0]):
        return end
    # The last of the bytes that begins a sequence, if the sequence is not over with them.
    for at in range(len(end) - 1, -1, -1):
        lead = ord(end[at]) & 0xFF
        if lead >= 0xC0:
            size = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
            return end[at:] if lead < 0xF5 and len(end) - at < size else ""
    return ""


def _is_byte(half: str) -> bool:
    return "\udc80" <= half <= "\udcff"


def _is_hollow(choice: Any) -> bool:
    """Nothing is left of the choice: its text was half a character, which is held."""
    if not isinstance(choice, dict) or choice.get("delta", choice.get("text")) not in ({}, ""):
        return False
    return not (choice.get("finish_reason") or choice.get("logprobs") or says_beside(choice))


def _told(text: str) -> str:
    """The text with its halves joined; U+FFFD for what has no other half."""
    if _SURROGATE.search(text) is None:
        return text
    text = _BYTES.sub(_as_text, _PAIR.sub(_as_character, text))
    return _SURROGATE.sub(_REPLACEMENT, text)


def _as_character(pair: re.Match[str]) -> str:
    return pair.group().encode("utf-16-le", "surrogatepass").decode("utf-16-le")


def _as_text(run: re.Match[str]) -> str:
    return run.group().encode("ascii", "surrogateescape").decode("utf-8", "replace")


def _whole_value(value: dict[str, Any]) -> dict[str, Any]:
    try:
        return _whole(value)  # type: ignore[no-any-return]
    except RecursionError:
        raise PeerError(
            "The upstream sent an event that is nested too deeply.", code="upstream_malformed"
        ) from None


def _whole(value: Any) -> Any:
    """The same value where no text in it has a half, else a copy without any."""
    if isinstance(value, str):
        return _told(value)
    if isinstance(value, dict):
        told = {_told(name): _whole(inner) for name, inner in value.items()}
        is_same = all(name in told and told[name] is value[name] for name in value)
        return value if is_same else told
    if isinstance(value, list):
        items = [_whole(inner) for inner in value]
        return value if all(new is old for new, old in zip(items, value, strict=True)) else items
    return value
