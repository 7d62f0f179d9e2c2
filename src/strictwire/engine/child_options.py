"""What a parent tells its child process, one JSON line, and what the child tells by its end."""

from __future__ import annotations

from dataclasses import dataclass

# The exit status of a child whose model did not load, for a reason that stands in its log.
NOT_LOADED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildOptions:
    """``parent`` is the parent's process id and ``socket`` the path to serve at; the rest is that
    of ``EnginePlan``."""

    parent: int
    socket: str
    model_path: str
    model_name: str
    parallel: int
    context: int
    gpu_layers: int
    prefill_batch: int
    kv_bits: int
