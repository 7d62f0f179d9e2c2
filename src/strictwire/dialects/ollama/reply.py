"""One whole Ollama reply to the objects that would have streamed it.

Contract: it is its own last object, with the message beside ``done``; nothing is laid out.
"""

from __future__ import annotations

from typing import Any

from strictwire.model.chunks import Chunk


def chunks_of_reply(value: dict[str, Any]) -> list[Chunk]:
    """The only object there is."""
    return [Chunk(value)]
