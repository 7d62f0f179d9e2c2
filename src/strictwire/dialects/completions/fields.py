"""Which fields of a completion's choice the model has a place for; others go along as extras.

``logprobs`` is an extra where it tells anything: only the writers, which say it always, know it.
"""

from __future__ import annotations

from typing import Any

CHOICE = frozenset(("index", "text", "finish_reason"))
ID_PREFIX = "cmpl-"
# The chunks of a stream and a whole reply have the same name.
OBJECT = "text_completion"


def sayable(top: dict[str, Any]) -> dict[str, Any]:
    """The extras of the top without the one that this wire may leave out, but not say null."""
    if top.get("system_fingerprint", "") is not None:
        return top
    return {name: top[name] for name in top if name != "system_fingerprint"}
