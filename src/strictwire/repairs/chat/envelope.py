"""Rules for what a chat chunk is: foreign frames, errors, progress, its envelope and choices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from strictwire.model.chunks import Chunk
from strictwire.repairs.chat.split import split
from strictwire.repairs.error_shape import shape_error
from strictwire.repairs.rule import ChoiceRule, ChunkRule

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

    Servers send ``{"error":"text"}``, ``{"detail":…}``, a number as code, an error beside empty
    choices, or ``finish_reason: "error"``. Read as a chunk each is an empty success.
    """

    name = "chat.error-shape"
    title = "An error inside the stream has another shape"
    quirks = (29, 65, 66, 67, 68, 69)
    evidence = "lab:error-string"
    is_foundation = True

    def feed(self, item: Chunk) -> Iterator[Chunk]:
        error = _error_in(item.value)
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


def _error_in(value: dict[str, Any]) -> Any | None:
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
        return value.get("detail") or (value.get("object") == "error" and value) or None
    return None


@dataclass(slots=True)
class ProgressFrame(ChunkRule):
    """Take prefill progress out of the chunks.

    llama.cpp reports each batch in a chunk with a role and null content, others in one without
    choices. Leaked, the first repeats the role and both crash ``choices[0].delta.content``.
    """

    name = "chat.progress-frame"
    title = "Prefill progress rides on chunks"
    quirks = (84, 87)
    evidence = "lab:llamacpp-like"

    def feed(self, item: Chunk) -> Iterator[Chunk]:
        progress = item.value.get("prompt_progress")
        if "prompt_progress" not in item.value:
            yield item
            return
        self.fired = True
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
        delta = choice.get("delta") if isinstance(choice, dict) else None
        if not isinstance(delta, dict) or choice.get("finish_reason"):
            return True
        if any(delta[name] for name in delta if name != "role"):
            return True
    return False


@dataclass(slots=True)
class ChoicesNull(ChunkRule):
    """Make ``choices`` a list of objects: empty where it was null, missing or something else."""

    name = "chat.choices-null"
    title = "choices is null or missing"
    quirks = (38,)
    evidence = "lab:choices-null"
    is_foundation = True

    def feed(self, item: Chunk) -> Iterator[Chunk]:
        choices = item.value.get("choices")
        if choices is None and (item.value.get("error") or "prompt_progress" in item.value):
            yield item
            return
        if isinstance(choices, list) and all(isinstance(choice, dict) for choice in choices):
            yield item
            return
        self.fired = True
        kept = [c for c in choices if isinstance(c, dict)] if isinstance(choices, list) else []
        if kept or item.value.get("usage") is not None:
            yield item.repaired(item.value | {"choices": kept})


@dataclass(slots=True)
class ChoiceIndex(ChunkRule):
    """Give a choice without an index the place that it has in its list."""

    name = "chat.choice-index"
    title = "A choice has no index"
    quirks = (41,)
    evidence = "lab:choice-index-missing"
    is_foundation = True

    def feed(self, item: Chunk) -> Iterator[Chunk]:
        choices = item.value.get("choices") or ()
        if all(_is_index(choice.get("index")) for choice in choices):
            yield item
            return
        self.fired = True
        mended = [
            choice if _is_index(choice.get("index")) else choice | {"index": place}
            for place, choice in enumerate(choices)
        ]
        yield item.repaired(item.value | {"choices": mended})


def _is_index(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


@dataclass(slots=True)
class DeltaMissing(ChoiceRule):
    """Give a choice without a delta an empty one.

    Azure sends choices that hold only filter results, others ``delta: null`` on the last chunk.
    """

    name = "chat.delta-missing"
    title = "A choice has no delta"
    quirks = (39,)
    evidence = "lab:delta-null"
    is_foundation = True

    def mend(self, choice: dict[str, Any]) -> dict[str, Any]:
        if isinstance(choice.get("delta"), dict):
            return choice
        return choice | {"delta": {}}


@dataclass(slots=True)
class ChoicesTogether(ChunkRule):
    """Send each choice in a chunk of its own.

    Several choices in one chunk are legal by the schema, but many loops read only the first.
    """

    name = "chat.choices-together"
    title = "One chunk holds several choices"
    quirks = (21,)
    evidence = "lab:choices-together"
    is_foundation = True

    def feed(self, item: Chunk) -> Iterator[Chunk]:
        choices = item.value.get("choices") or ()
        if len(choices) < 2:
            yield item
            return
        self.fired = True
        yield from split(item, list(choices))


@dataclass(slots=True)
class Envelope(ChunkRule):
    """Keep ``id``, ``object``, ``created`` and ``model`` present and constant.

    Accumulators drop chunks whose id differs from the first, and typed clients reject chunks
    that lack one of the four. The first chunk with choices or usage decides; what it does not
    tell comes from the promise.
    """

    name = "chat.envelope"
    title = "The envelope is incomplete or changes"
    quirks = (37, 40, 41, 45, 88, 94, 95)
    evidence = "lab:envelope-changing"

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
            and value.get("object") == "chat.completion.chunk"
        ):
            yield item
            return
        self.fired = True
        yield item.repaired(
            value
            | {
                "id": self.id,
                "object": "chat.completion.chunk",
                "created": self.created,
                "model": self.model,
            }
        )

    def _decide(self, value: dict[str, Any]) -> None:
        identity, created, model = value.get("id"), value.get("created"), value.get("model")
        is_told = isinstance(identity, str) and identity
        self.id = str(identity) if is_told else f"chatcmpl-{self.promise.id}"
        has_time = isinstance(created, int) and not isinstance(created, bool) and created > 0
        self.created = int(created or 0) if has_time else self.promise.created
        self.model = model if isinstance(model, str) and model else self.promise.model
