"""A whole object with a list of choices, to the chunks that would have streamed it: what chat and
completions share.

Contract: see the dialects' ``reply``. A dialect says what its head repeats, and what one choice
becomes; nothing is mended here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from strictwire.dialects.chunk_fields import only_sticky, usage_fields
from strictwire.model.chunks import Chunk

ChoiceParts = Callable[[int, dict[str, Any]], Iterator[dict[str, Any]]]
# What every chunk of a stream repeats, beside what is sticky.
_ENVELOPE = ("id", "object", "created", "model")


def lay_out(
    value: dict[str, Any], choice_parts: ChoiceParts, *, kind: str | None = None
) -> list[Chunk]:
    """The chunks of a whole reply, in the order of the wire; no terminal. ``kind`` is the wire's
    ``object`` of a chunk, None where it is that of the whole reply."""
    return [Chunk(chunk) for chunk in _chunks(value, choice_parts, kind)]


def _chunks(
    value: dict[str, Any], choice_parts: ChoiceParts, kind: str | None
) -> Iterator[dict[str, Any]]:
    if not isinstance(value.get("choices"), list) or not value["choices"]:
        # An error under a 200, or somebody else's object: the rules know both by their fields.
        yield value
        return
    usage = usage_fields(value)
    head = {name: value[name] for name in value if name not in ("choices", "usage", *usage)}
    if kind is not None:
        head.pop("object", None)
        head["object"] = kind
    later = {name: head[name] for name in head if name in _ENVELOPE} | only_sticky(head)
    is_first = True
    for position, choice in enumerate(value["choices"]):
        if not isinstance(choice, dict):
            continue
        for part in choice_parts(position, choice):
            yield (head if is_first else later) | {"choices": [part]}
            is_first = False
    if usage:
        yield (head if is_first else later) | {"choices": []} | usage
