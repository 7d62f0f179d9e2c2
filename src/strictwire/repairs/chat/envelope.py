"""Rules for what a chat chunk is: foreign frames, errors, progress, and its envelope."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from strictwire.model.chunks import Chunk
from strictwire.repairs.error_shape import error_in, shape_error
from strictwire.repairs.rule import ChunkRule

# Finish reasons that say that the reply is not whole. As "stop" each would be a fake success.
_FAILED_REASONS = frozenset(
    (
        "error",
        "network_error",
        "abort",
        "aborted",
        "cancelled",
        "canceled",
        "timeout",
        "insufficient_system_resource",
    )
)

# What a chat chunk has at least one of.
_MARKS = ("choices", "usage", "prompt_progress", "error")


@dataclass(slots=True)
class ForeignFrame(ChunkRule):
    """Drop a JSON object that is no chat chunk.

    Progress reports, tool results and vendor events between the chunks break most strict
    clients, whether the frame is named or not: SDKs read every ``data:`` line.
    """

    name = "chat.foreign-frame"
    title = "A frame holds another vendor's object"
    quirks = (94,)
    evidence = "lab:foreign-frames"

    def feed(self, item: Chunk) -> Iterator[Chunk]:
        if any(mark in item.value for mark in _MARKS):
            yield item
            return
        self.fired = True


@dataclass(slots=True)
class ErrorShape(ChunkRule):
    """Give an error inside a stream OpenAI's shape.

    Servers send ``{"error":"text"}``, ``{"detail":…}``, ``{"message":…,"code":500}``, an error
    beside empty choices, or ``finish_reason: "error"``. Read as a chunk each is an empty success.
    """

    name = "chat.error-shape"
    title = "An error inside the stream has another shape"
    quirks = (29, 66, 67, 68, 69)
    evidence = "lab:error-string"
    is_foundation = True

    def feed(self, item: Chunk) -> Iterator[Chunk]:
        error = _error_in(item)
        if error is None:
            if "error" in item.value:
                # Null or empty beside a healthy chunk: some clients look for the key alone.
                self.fired = True
                rest = {name: item.value[name] for name in item.value if name != "error"}
                item = item.repaired(rest)
            yield item
            return
        shaped = shape_error(error)
        if shaped == error and item.value.keys() == {"error"}:
            yield item
            return
        self.fired = True
        yield item.repaired({"error": shaped})


def _error_in(item: Chunk) -> Any | None:
    value = item.value
    if value.get("error"):
        return value["error"]
    choices = value.get("choices")
    if isinstance(choices, list):
        for choice in choices:
            reason = choice.get("finish_reason") if isinstance(choice, dict) else None
            if isinstance(reason, str) and reason.lower() in _FAILED_REASONS:
                return choice.get("error") or f"The upstream ended the reply with '{reason}'."
    base = value.get("base_resp")
    if isinstance(base, dict) and base.get("status_code") not in (0, None):
        return {"message": base.get("status_msg"), "code": base["status_code"]}
    if not choices and not any(mark in value for mark in _MARKS):
        return error_in(value, is_named_error=item.event == "error")
    return None


@dataclass(slots=True)
class ProgressFrame(ChunkRule):
    """Take prefill progress out of the chunks.

    llama.cpp reports each batch in a chunk with a role and null content, others in one without
    choices. Leaked, the first repeats the role and both crash ``choices[0].delta.content``. Counted
    only where nobody had asked the server for it.
    """

    name = "chat.progress-frame"
    title = "Prefill progress rides on chunks"
    quirks = (84, 87)
    evidence = "lab:llamacpp-like"

    def feed(self, item: Chunk) -> Iterator[Chunk]:
        progress = item.value.get("prompt_progress")
        is_alone = len(item.value) == 1 and isinstance(progress, dict)
        if "prompt_progress" not in item.value or is_alone:
            yield item
            return
        # What was asked for is no quirk of the server.
        self.fired = self.fired or not self.promise.asks_progress
        if isinstance(progress, dict):
            yield item.repaired({"prompt_progress": progress})
        rest = {name: item.value[name] for name in item.value if name != "prompt_progress"}
        if _tells_something(rest):
            yield item.repaired(rest)


def _tells_something(value: dict[str, Any]) -> bool:
    if value.get("usage"):
        return True
    choices = value.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if not isinstance(choice, dict) or choice.get("finish_reason"):
            return True
        # A completion says its text where chat has a delta.
        delta = choice.get("delta", {"text": choice["text"]} if "text" in choice else None)
        if not isinstance(delta, dict):
            return True
        if any(delta[name] for name in delta if name != "role"):
            return True
    return False


@dataclass(slots=True)
class Envelope(ChunkRule):
    """Keep ``id``, ``object``, ``created`` and ``model`` present and constant.

    Accumulators drop chunks whose id differs from the first, and typed clients reject chunks
    that lack one of the four. The first chunk with choices or usage decides; what it does not
    tell comes from the promise.
    """

    name = "chat.envelope"
    title = "The envelope is incomplete or changes"
    quirks: ClassVar[tuple[int, ...]] = (37, 40, 41, 88, 94, 95)
    evidence = "lab:envelope-changing"

    kind: ClassVar[str] = "chat.completion.chunk"
    id_prefix: ClassVar[str] = "chatcmpl-"

    id: str = ""
    created: int = 0
    model: str = ""

    def feed(self, item: Chunk) -> Iterator[Chunk]:
        value = item.value
        if "choices" not in value:
            yield item
            return
        if not self.id:
            self._decide(value)
        if (
            value.get("id") == self.id
            and value.get("created") == self.created
            and value.get("model") == self.model
            and value.get("object") == self.kind
        ):
            yield item
            return
        self.fired = True
        yield item.repaired(
            value
            | {
                "id": self.id,
                "object": self.kind,
                "created": self.created,
                "model": self.model,
            }
        )

    def own_id(self, told: str) -> str:
        """The upstream's id as this wire may say it."""
        return told

    def _decide(self, value: dict[str, Any]) -> None:
        identity, created, model = value.get("id"), value.get("created"), value.get("model")
        is_told = isinstance(identity, str) and identity
        self.id = self.own_id(str(identity)) if is_told else self.id_prefix + self.promise.id
        has_time = isinstance(created, int) and not isinstance(created, bool) and created > 0
        self.created = int(created or 0) if has_time else self.promise.created
        self.model = model if isinstance(model, str) and model else self.promise.model
