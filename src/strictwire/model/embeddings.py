"""What a client asked of an embeddings endpoint, as far as its reply must know it. Pure data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Encoding = Literal["float", "base64"]


@dataclass(frozen=True, slots=True)
class EmbeddingsAsk:
    """``inputs`` is how many vectors are due, None where nobody knows. ``encoding`` is how they
    are to be written, None for one that only the upstream knows."""

    inputs: int | None = None
    encoding: Encoding | None = "float"
