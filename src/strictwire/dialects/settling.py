"""Tool calls and their results, brought into the order that every server takes.

Contract: in what ``settled`` returns, each call's result follows directly after the turn of the
call, in the order of the calls, and ids are unique and fit everywhere. Servers refuse all else.
- A result that came later (a user's turn in between) is moved up.
- A result of a call that never was stays as the user's text, so that nothing is lost.
- A call without a result gets one that says so.
The same history always gets the same ids: a server's prompt cache depends on it.
"""

from __future__ import annotations

import hashlib
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace

from strictwire.model.conversation import Part, Text, ToolCall, ToolResult, Turn

# Anthropic takes these characters, OpenAI's Responses this many.
_MAX_ID_CHARACTERS = 64
_FITTING = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_NOT_FITTING = re.compile(r"[^a-zA-Z0-9_-]")
_DIGEST_CHARACTERS = 8
_ERROR = "Error"
NO_RESULT = "(This call has no result.)"

_Queue = deque[tuple[int, ToolResult]]


def settled(turns: Iterable[Turn]) -> tuple[Turn, ...]:
    """The same turns with every call and its result together."""
    told = tuple(turns)
    waiting = _results(told)
    strays: list[tuple[int, ToolResult]] = []
    ids = FittedNames(_MAX_ID_CHARACTERS)
    settled_turns: list[tuple[int, Turn]] = []
    for place, turn in enumerate(told):
        if turn.role == "tool":
            continue
        calls: list[ToolCall] = []
        parts = tuple(_renamed(part, ids, calls) for part in turn.parts)
        settled_turns.append((place, replace(turn, parts=parts)))
        if calls:
            results = tuple(
                _result(new, _after(place, waiting.get(call.id), strays))
                for call, new in _pairs(turn, calls)
            )
            settled_turns.append((place, Turn("tool", results, at=results[0].at)))
    strays.extend(result for queue in waiting.values() for result in queue)
    settled_turns.extend((place, _as_user(result)) for place, result in strays)
    # Stable: what belongs to one place keeps its order.
    return tuple(turn for _, turn in sorted(settled_turns, key=lambda one: one[0]))


def errors_in_words(turns: Iterable[Turn]) -> tuple[Turn, ...]:
    """For dialects that cannot mark a result as an error: the results say it themselves."""
    return tuple(
        replace(turn, parts=tuple(map(_error_in_words, turn.parts)))
        if turn.role == "tool"
        else turn
        for turn in turns
    )


def _error_in_words(part: Part) -> Part:
    if not isinstance(part, ToolResult) or not part.is_error:
        return part
    first = part.parts[0] if part.parts else None
    if isinstance(first, Text) and first.text.lower().startswith(_ERROR.lower()):
        return replace(part, is_error=False)
    if isinstance(first, Text):
        worded = (replace(first, text=f"{_ERROR}: {first.text}"), *part.parts[1:])
        return replace(part, parts=worded, is_error=False)
    return replace(part, parts=(Text(_ERROR), *part.parts), is_error=False)


class FittedNames:
    """Names made to fit ``[a-zA-Z0-9_-]{1,longest}``, each given once. What fits and is free stays
    as it is."""

    __slots__ = ("_longest", "_numbers", "_taken")

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._taken: set[str] = set()
        self._numbers: dict[
            str, int
        ] = {}  # how often a name was wanted, so that none is tried twice

    def is_free(self, name: str) -> bool:
        """Whether it would be given as it is."""
        return name not in self._taken and fits(name, self._longest)

    def give(self, name: str) -> str:
        fitted = fitting(name, self._longest)
        given, number = fitted, self._numbers.get(fitted, 1)
        while given in self._taken:
            number += 1
            ending = f"_{number}"
            given = fitted[: self._longest - len(ending)] + ending
        self._numbers[fitted] = number
        self._taken.add(given)
        return given


def fits(name: str, longest: int) -> bool:
    return _FITTING.fullmatch(name) is not None and len(name) <= longest


def fitting(name: str, longest: int) -> str:
    """A name of allowed characters. One that had to be cut says by a digest of which it was made,
    so that names with the same beginning stay apart."""
    if fits(name, longest):
        return name
    cleaned = _NOT_FITTING.sub("_", name) or "unnamed"
    if len(cleaned) <= longest:
        return cleaned
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST_CHARACTERS]
    return f"{cleaned[: longest - _DIGEST_CHARACTERS - 1]}_{digest}"


def _results(turns: tuple[Turn, ...]) -> dict[str, _Queue]:
    waiting: dict[str, _Queue] = {}
    for place, turn in enumerate(turns):
        for part in turn.parts:
            if isinstance(part, ToolResult):
                waiting.setdefault(part.call_id, deque()).append((place, part))
    return waiting


def _renamed(part: Part, ids: FittedNames, calls: list[ToolCall]) -> Part:
    if not isinstance(part, ToolCall):
        return part
    call = replace(part, id=ids.give(part.id or "call"))
    calls.append(call)
    return call


def _pairs(turn: Turn, renamed: list[ToolCall]) -> Iterator[tuple[ToolCall, ToolCall]]:
    told = (part for part in turn.parts if isinstance(part, ToolCall))
    return zip(told, renamed, strict=True)


def _after(
    place: int, queue: _Queue | None, strays: list[tuple[int, ToolResult]]
) -> ToolResult | None:
    """The first result of an id that comes after the call. Servers that count ids anew in every
    turn tell the same one again and again."""
    while queue:
        where, result = queue.popleft()
        if where > place:
            return result
        strays.append((where, result))
    return None


def _result(call: ToolCall, result: ToolResult | None) -> ToolResult:
    if result is None:
        return ToolResult(call.id, (Text(NO_RESULT),), kind=call.kind, at=call.at)
    return replace(result, call_id=call.id, kind=call.kind)


def _as_user(result: ToolResult) -> Turn:
    call = result.call_id
    words = Text(f"[Result of the tool call {call}, which is not in this conversation]")
    return Turn("user", (words, *result.parts), at=result.at)
