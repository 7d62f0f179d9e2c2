"""What an upstream refused, learned from its own words: fields that are not to be sent again.

Contract: pure data and functions. The gateway adds a few fields to requests; a server that does
not know one answers 400 or 422 and names it. ``named_field`` finds that name, and ``Refusals``
remembers it per provider and model. Only fields that the gateway adds itself may be candidates,
also where the client sent them: a reply without progress or usage is better than none. All else
that the client sent is the client's to mend.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

# The fields that the gateway adds on its own account.
ADDED_FIELDS = ("return_progress", "stream_options", "include_obfuscation")

REFUSAL_STATUSES = frozenset((400, 422))
# An error body beyond this does not just name a field; it is not worth the time to parse.
MAX_BODY_BYTES = 64 * 1024
# Names of models come from clients: without a bound anyone could fill the memory.
MAX_PAIRS = 1024
# A FastAPI body lists one detail per fault; a client's own faults may be many.
MAX_DETAILS = 32

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Pydantic repeats the refused value, which may hold a client's text with any word in it.
_REPEATED_INPUT = re.compile(r"input(?:_value)?=.*")

Pair = tuple[str, str]
_NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Refusals:
    """Fields not to send, by (provider, model). Never changed: learning makes another one, so
    that one reference is swapped and readers need no lock."""

    by_pair: MappingProxyType[Pair, frozenset[str]] = field(
        default_factory=lambda: MappingProxyType({})
    )

    def fields(self, provider: str, model: str) -> frozenset[str]:
        """What is known to be refused there."""
        return self.by_pair.get((provider, model), _NOTHING)

    def learned(self, provider: str, model: str, name: str) -> Refusals:
        """These refusals and one more. The pair that learned longest ago makes room."""
        known = dict(self.by_pair)
        before = known.pop((provider, model), _NOTHING)
        while len(known) >= MAX_PAIRS:
            del known[next(iter(known))]
        known[provider, model] = before | {name}
        return Refusals(MappingProxyType(known))


def named_field(status: int, body: bytes, candidates: Iterable[str]) -> str | None:
    """The first of ``candidates`` that a refusal names, else None. See ``named_fields``."""
    return next(iter(named_fields(status, body, candidates)), None)


def named_fields(status: int, body: bytes, candidates: Iterable[str]) -> tuple[str, ...]:
    """Every candidate that a refusal names, in the order of ``candidates``.

    Read are OpenAI's ``error.param`` and message, FastAPI's ``detail`` list with its ``loc``, and
    a ``detail``, ``message`` or ``error`` that is a text. Of a nested name
    (``stream_options.include_obfuscation``) only the innermost counts.
    """
    if status not in REFUSAL_STATUSES or len(body) > MAX_BODY_BYTES:
        return ()
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        # Bare text, as some servers send. UnicodeDecodeError is a ValueError too.
        value = body.decode("utf-8", "replace")
    wanted = tuple(candidates)
    named = {name for path in _named_paths(value) for name in _innermost(path, wanted)}
    return tuple(name for name in wanted if name in named)


def _innermost(path: list[str], wanted: tuple[str, ...]) -> list[str]:
    return [part for part in path if part in wanted][-1:]


def _named_paths(value: Any) -> Iterator[list[str]]:
    """The field paths that an error body speaks of, outermost part first."""
    if isinstance(value, str):
        yield from _paths_in_text(value)
        return
    if not isinstance(value, dict):
        return
    for part in (value, value.get("error")):
        if isinstance(part, str):
            yield from _paths_in_text(part)
        elif isinstance(part, dict):
            for key in ("param", "message"):
                if isinstance(part.get(key), str):
                    yield from _paths_in_text(part[key])
    yield from _paths_in_detail(value.get("detail"))


def _paths_in_detail(detail: Any) -> Iterator[list[str]]:
    if isinstance(detail, str):
        yield from _paths_in_text(detail)
    elif isinstance(detail, list):
        for item in detail[:MAX_DETAILS]:
            location = item.get("loc") if isinstance(item, dict) else None
            if isinstance(location, list):
                yield [str(part) for part in location]


def _paths_in_text(text: str) -> Iterator[list[str]]:
    """Each dotted name in a text, as a path; a lone word is a path of one."""
    path: list[str] = []
    end = -1
    without_input = _REPEATED_INPUT.sub("", text)
    for found in _WORD.finditer(without_input):
        if path and without_input[end : found.start()] != ".":
            yield path
            path = []
        path.append(found[0])
        end = found.end()
    if path:
        yield path
