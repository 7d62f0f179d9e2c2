"""Sealed reasoning as chat's servers and clients tell it: the entries of ``reasoning_details``.

Contract: pure. A seal goes out as one entry and comes back as the same seal, also where it is all
of its reasoning (redacted): nothing but the entry's id can say that. The text of an entry stands
beside it in the reasoning, so it is not read.
Source: OpenRouter's documentation, "Preserving reasoning".
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

from strictwire.model.events import REDACTED_PREFIX

# Of the digest that names a redacted seal: enough that no two of a conversation are the same.
_DIGEST_BYTES = 12
# Of an entry that is told in pieces, what grows.
_GROWING = ("text", "summary", "data")


def detail_of(seal: str, told_id: str = "", *, is_redacted: bool = False) -> dict[str, Any]:
    """The entry for a seal. One that is redacted and has no id of its own gets one that says so:
    the same seal always gets the same, so that a history stays the same to the byte."""
    if is_redacted and not told_id.startswith(REDACTED_PREFIX):
        digest = hashlib.blake2s(seal.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES)
        told_id = REDACTED_PREFIX + digest.hexdigest()
    detail = {"type": "reasoning.encrypted", "data": seal}
    return detail | {"id": told_id} if told_id else detail


def seals_in(details: Any) -> Iterator[tuple[str, str, bool]]:
    """Of each entry that has one: the seal, its id, and whether it is redacted."""
    for detail in details if isinstance(details, list) else ():
        seal = detail.get("data") or detail.get("signature") if isinstance(detail, dict) else ""
        if isinstance(seal, str) and seal:
            told = detail.get("id")
            told_id = told if isinstance(told, str) else ""
            yield seal, told_id, told_id.startswith(REDACTED_PREFIX)


def joined_details(told: Iterable[Any]) -> list[Any]:
    """The entries of a whole reply, from those of its deltas: pieces of one entry follow each other
    and have its type and index."""
    joined: list[Any] = []
    pieces: list[dict[str, Any]] = []
    for detail in told:
        if pieces and _is_same(pieces[-1], detail):
            pieces.append(detail)
            continue
        joined += _as_one(pieces)
        pieces = [detail] if isinstance(detail, dict) else []
        if not pieces:
            joined.append(detail)
    return joined + _as_one(pieces)


def _is_same(before: dict[str, Any], detail: Any) -> bool:
    if not isinstance(detail, dict) or detail.get("index") is None:
        return False
    return all(detail.get(name) == before.get(name) for name in ("type", "index"))


def _as_one(pieces: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if len(pieces) < 2:
        return pieces
    entry: dict[str, Any] = {}
    for piece in pieces:
        entry |= {name: value for name, value in piece.items() if value is not None}
    for name in _GROWING:
        texts = [piece[name] for piece in pieces if isinstance(piece.get(name), str)]
        if texts:
            entry[name] = "".join(texts)
    return [entry]
