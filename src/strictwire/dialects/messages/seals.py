"""Sealed reasoning as chat's servers tell it: ``reasoning_details`` of a delta.

Contract: pure. The text of a detail stands in the delta's reasoning too, so only seals are read.
Source: OpenRouter's documentation, "Preserving reasoning".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from strictwire.model.events import Sealed


def seals_of(details: Any) -> Iterator[Sealed]:
    for detail in details if isinstance(details, list) else ():
        if not isinstance(detail, dict):
            continue
        is_encrypted = detail.get("type") == "reasoning.encrypted"
        seal = detail.get("data") if is_encrypted else detail.get("signature")
        if isinstance(seal, str) and seal:
            identity = detail.get("id")
            yield Sealed(0, seal, id=identity if isinstance(identity, str) else "")
