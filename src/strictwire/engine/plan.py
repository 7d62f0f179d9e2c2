"""What an engine is to run, what it turned out to be, and what goes on in it. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

# The model that comes along: a demonstration, not a help. tools/tiny_model says how it was made.
# Its name stands in ``config.model_files``, with what is said of it.
DEMO_MODEL = Path(__file__).parent / "models" / "tiny.gguf"

EngineState = Literal["unloaded", "loading", "ready", "restarting", "failed", "closed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EnginePlan:
    """``name`` is the provider's, ``model_name`` the model's as clients see it. ``context`` is in
    tokens for each request, 0 for the model's own length. ``gpu_layers`` -1 for all that fit.
    ``queue`` is how many requests may wait; ``idle_unload_s`` 0 never unloads."""

    name: str
    model_path: Path
    model_name: str
    parallel: int = 2
    context: int = 0
    gpu_layers: int = -1
    prefill_batch: int = 256
    kv_bits: int = 16
    idle_unload_s: float = 0.0
    queue: int = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineFacts:
    """What is known once the model is loaded. ``context`` is what one request may use, in tokens;
    ``trained_context`` what the model was made for."""

    context: int
    trained_context: int
    parameters: int
    size_bytes: int
    capabilities: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineStatus:
    """One look at an engine. ``busy`` of ``places`` are taken, ``waiting`` requests stand in line.
    ``restarts`` counts since the start; ``process`` is the child's id, None while there is none."""

    name: str
    state: EngineState
    places: int
    busy: int
    waiting: int
    restarts: int
    process: int | None = None
