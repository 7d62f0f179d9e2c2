"""A request as Ollama's own API takes it. No client sends one: it is made from a conversation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from strictwire.dialects.model_request import ModelRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class OllamaRequest(ModelRequest):
    """Usage is always told, and prefill progress never."""

    takes_options: ClassVar[bool] = False
    takes_progress: ClassVar[bool] = False
