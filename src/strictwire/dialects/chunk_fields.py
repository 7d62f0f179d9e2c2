"""What chat and completions chunks have in common: the fields at their top, read and written.

Contract: pure values. ``Envelope`` is what every chunk of a stream repeats, as the upstream told it
or, where it told nothing, as the promise has it. What has no place in the model goes along as
extras; those that are constant in a stream belong on every chunk, others on one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import msgspec

from strictwire.model.chunks import Chunk
from strictwire.model.errors import PeerError, WireError
from strictwire.model.events import Begun, Progressed
from strictwire.model.request import Promise

_encode = msgspec.json.encode

TOP = frozenset(("id", "object", "created", "model", "choices", "usage"))

# About what a whole reply costs while it is gathered, in bytes: a piece of text beside its letters
# (a short str, and its place in a list), a choice, a token's log probability with its rivals.
PIECE_BYTES = 64
CHOICE_BYTES = 512
TOKEN_BYTES = 400
# Of a whole reply whose usage nobody told.
NO_USAGE = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}

# Constant in a stream, so they belong on every chunk; other extras belong to one chunk.
STICKY = frozenset(("system_fingerprint", "service_tier"))


def beside(value: dict[str, Any], known: frozenset[str]) -> dict[str, Any]:
    """The fields of an object that are not among the known ones; no copy where there are none."""
    if value.keys() <= known:
        return {}
    return {name: value[name] for name in value if name not in known}


def extras_size(extras: dict[str, Any]) -> int:
    """About what a whole reply holds of extra fields, in bytes: each is counted as often as it is
    told, since the last word may be the longest."""
    told = {name: extras[name] for name in extras if name not in STICKY}
    return len(_encode(told)) if told else 0


def only_sticky(extras: dict[str, Any]) -> dict[str, Any]:
    return {name: extras[name] for name in extras if name in STICKY}


# ---- read ----


def envelope_told(value: dict[str, Any]) -> tuple[str, int | None, str]:
    """Id, time and model as far as they have the right type: the fields of ``Begun``."""
    identity, created, model = value.get("id"), value.get("created"), value.get("model")
    return (
        identity if isinstance(identity, str) else "",
        created if isinstance(created, int) else None,
        model if isinstance(model, str) else "",
    )


def progress_told(value: dict[str, Any], chunk: Chunk) -> Progressed | None:
    """llama.cpp's report of prefill progress."""
    progress = value.get("prompt_progress")
    if not isinstance(progress, dict):
        return None
    counts = [progress.get(name) for name in ("total", "cache", "processed")]
    if not all(isinstance(count, int) for count in counts):
        return None
    total, cached, processed = (int(count or 0) for count in counts)
    return Progressed(total, cached, processed, source=chunk)


def error_told(error: dict[str, Any]) -> PeerError:
    code, param, status = error.get("code"), error.get("param"), error.get("status")
    kind = error.get("type")
    return PeerError(
        str(error.get("message") or "The upstream reported an error without a message."),
        status=status if isinstance(status, int) else None,
        type=kind if isinstance(kind, str) and kind else None,
        param=param if isinstance(param, str) else None,
        code=code if isinstance(code, str) else None,
    )


# ---- written ----


@dataclass(frozen=True, slots=True)
class Envelope:
    """``is_fixed``: what the upstream tells comes too late, chunks have gone out before it."""

    id: str
    created: int
    model: str
    is_model_pinned: bool
    is_fixed: bool

    @classmethod
    def promised(cls, promise: Promise, id_prefix: str) -> Envelope:
        # A chunk with progress goes out before the upstream has told its own envelope, and the
        # envelope is constant in a stream.
        return cls(
            id=id_prefix + promise.id,
            created=promise.created,
            model=promise.model,
            is_model_pinned=promise.is_model_pinned,
            is_fixed=promise.progress == "chunk",
        )

    def told(self, event: Begun) -> Envelope:
        """The envelope after the upstream told of its own."""
        if self.is_fixed:
            return self
        return replace(
            self,
            id=event.id or self.id,
            created=self.created if event.created is None else event.created,
            model=event.model if event.model and not self.is_model_pinned else self.model,
        )

    def fields(self, kind: str) -> dict[str, Any]:
        """A new object with the four fields. ``kind`` is the wire's ``object``."""
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}


def error_object(error: WireError) -> dict[str, Any]:
    """OpenAI's error envelope."""
    return {
        "error": {
            "message": error.message,
            "type": error.type,
            "param": error.param,
            "code": error.code,
        }
    }


def usage_fields(value: dict[str, Any]) -> dict[str, Any]:
    """What of a whole reply tells its usage, and so stands at the end of a stream: ``usage``, or
    Groq's ``x_groq`` where that is where it tells it (quirk 61)."""
    told = {"usage": value["usage"]} if isinstance(value.get("usage"), dict) else {}
    vendor = value.get("x_groq")
    if isinstance(vendor, dict) and vendor.get("usage"):
        told["x_groq"] = vendor
    return told
