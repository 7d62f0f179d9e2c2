"""Rules for the reply of an embeddings endpoint, which is one JSON value.

Each takes the value as the rules before left it and yields it, the same object where there is
nothing to repair. The promised shape is OpenAI's: ``{"object":"list","data":[{"object":
"embedding","index":n,"embedding":[…]}],"model":…,"usage":{"prompt_tokens","total_tokens"}}``.
"""

from __future__ import annotations

import base64
import binascii
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeGuard

from strictwire.model.embeddings import EmbeddingsAsk
from strictwire.repairs.error_shape import shape_error
from strictwire.repairs.rule import Rule

_FLOAT32_BYTES = 4
# Beyond it a number is none that readers of JSON agree on, or infinite.
_HUGE = 1e308
_NUMBER_TYPES = {int, float}
_DATA_KEYS = ("data", "embeddings", "embedding")
_ANY_ASK = EmbeddingsAsk()


@dataclass(slots=True)
class EmbeddingsRule(Rule[Any]):
    """Base of these rules: they also know what was asked for."""

    stage: ClassVar = "object"

    ask: EmbeddingsAsk = field(default=_ANY_ASK, repr=False)


@dataclass(slots=True)
class EmbeddingsErrorShape(EmbeddingsRule):
    """Give an error under status 200 OpenAI's shape, so that it becomes an error.

    Servers answer 200 with ``{"error":"text"}``, ``{"detail":…}`` or an object of the type
    "error". Read as a reply, each crashes the client on ``data``.
    """

    name = "embeddings.error-shape"
    title = "An error under status 200"
    quirks = (65, 67, 69)
    evidence = "lab:embeddings-error"
    is_foundation = True

    def feed(self, item: Any) -> Iterator[Any]:
        error = _error_in(item)
        if error is None:
            yield item
            return
        self.fired = True
        yield {"error": shape_error(error)}


@dataclass(slots=True)
class EmbeddingsShape(EmbeddingsRule):
    """Put the vectors where OpenAI has them: ``data``, a list of objects with ``embedding``.

    Text Embeddings Inference answers with a bare list of vectors, old llama.cpp with a bare list
    of objects, Ollama with ``embeddings`` or one ``embedding``, and llama.cpp without pooling
    nests the vector one level deeper.
    """

    name = "embeddings.shape"
    title = "The vectors stand elsewhere than in data[].embedding"
    quirks = ()
    evidence = "lab:embeddings-bare-list"
    is_foundation = True

    def feed(self, item: Any) -> Iterator[Any]:
        if isinstance(item, list):
            self.fired = True
            item = {"data": item}
        if not isinstance(item, dict):
            yield item
            return
        key = next((key for key in _DATA_KEYS if item.get(key) is not None), None)
        told = item.get(key) if key is not None else None
        if key is not None and key != "data":
            self.fired = True
            item = {name: item[name] for name in item if name not in _DATA_KEYS}
            told = [told] if key == "embedding" and not _is_nested(told) else told
            item["data"] = told
        if isinstance(told, list):
            # One vector alone, as a list of numbers.
            entries = [told] if told and isinstance(told[0], int | float) else told
            mended = [self._entry(entry) for entry in entries]
            if entries is not told or any(a is not b for a, b in zip(mended, told, strict=True)):
                self.fired = True
                item = item | {"data": mended}
        yield item

    def _entry(self, entry: Any) -> Any:
        """An entry of ``data`` as an object; what is none of the known shapes stays as it is."""
        if isinstance(entry, list | str):
            entry = {"embedding": entry}
        if not isinstance(entry, dict):
            return entry
        vector = entry.get("embedding")
        if isinstance(vector, list) and len(vector) == 1 and isinstance(vector[0], list | str):
            entry = entry | {"embedding": vector[0]}
        return entry


@dataclass(slots=True)
class EmbeddingsOrder(EmbeddingsRule):
    """Say each vector's index, and send them in its order.

    A client pairs ``data[i]`` with its i-th input. Indexes that are missing or no count from 0 say
    nothing: then the vectors stand in the order in which they came.
    """

    name = "embeddings.order"
    title = "The vectors lack their index, or come in another order"
    quirks = ()
    evidence = "lab:embeddings-out-of-order"

    def feed(self, item: Any) -> Iterator[Any]:
        entries: Any = item.get("data") if isinstance(item, dict) else None
        if not _are_objects(entries):
            yield item
            return
        places: list[Any] = [entry.get("index") for entry in entries]
        due = list(range(len(entries)))
        if places != due or any(type(place) is not int for place in places):
            self.fired = True
            if all(type(place) is int for place in places) and sorted(places) == due:
                entries = sorted(entries, key=_index_of)
            entries = [entry | {"index": n} for n, entry in enumerate(entries)]
            item = item | {"data": entries}
        yield item


@dataclass(slots=True)
class EmbeddingsEncoding(EmbeddingsRule):
    """Write the vectors as they were asked for: as numbers, or as base64 of 32-bit floats.

    openai-python asks for base64 unless it is told otherwise, and servers that do not know
    ``encoding_format`` send numbers; other clients ask for numbers and cannot read base64.
    """

    name = "embeddings.encoding"
    title = "The vectors are written otherwise than asked for"
    quirks = ()
    evidence = "lab:embeddings-base64-for-floats"

    def feed(self, item: Any) -> Iterator[Any]:
        entries = item.get("data") if isinstance(item, dict) else None
        if self.ask.encoding is None or not _are_objects(entries):
            yield item
            return
        write = _as_base64 if self.ask.encoding == "base64" else _as_numbers
        vectors = [write(entry.get("embedding")) for entry in entries]
        if any(v is not entry.get("embedding") for v, entry in zip(vectors, entries, strict=True)):
            self.fired = True
            pairs = zip(vectors, entries, strict=True)
            item = item | {"data": [entry | {"embedding": vector} for vector, entry in pairs]}
        yield item


@dataclass(slots=True)
class EmbeddingsEnvelope(EmbeddingsRule):
    """Say what the reply and its entries are, and of which model.

    The types of strict SDKs require ``object`` and ``model``.
    """

    name = "embeddings.envelope"
    title = "The object types or the model are missing"
    quirks = (41,)
    evidence = "lab:embeddings-missing-keys"

    def feed(self, item: Any) -> Iterator[Any]:
        if not isinstance(item, dict):
            yield item
            return
        entries = item.get("data")
        if _are_objects(entries) and any(e.get("object") != "embedding" for e in entries):
            self.fired = True
            item = item | {"data": [e | {"object": "embedding"} for e in entries]}
        if item.get("object") != "list":
            self.fired = True
            item = {"object": "list"} | item | {"object": "list"}
        told = item.get("model")
        if not isinstance(told, str) or not told:
            self.fired = True
            item = item | {"model": self.promise.model}
        yield item


@dataclass(slots=True)
class EmbeddingsUsage(EmbeddingsRule):
    """Tell usage in OpenAI's two counts.

    Ollama calls it ``prompt_eval_count``, others leave one count or all of it out. What nobody
    told is zeros, and the reply then has the header ``x-strictwire-usage: unknown``.
    """

    name = "embeddings.usage"
    title = "Usage is missing, or told in other words"
    quirks = (62,)
    evidence = "lab:embeddings-missing-keys"

    def feed(self, item: Any) -> Iterator[Any]:
        if not isinstance(item, dict):
            yield item
            return
        usage = item.get("usage")
        told = usage if isinstance(usage, dict) else {}
        counts = [
            told.get("prompt_tokens"),
            told.get("total_tokens"),
            item.get("prompt_eval_count"),
        ]
        prompt, total, other = (count if _is_count(count) else None for count in counts)
        if prompt is None or total is None:
            self.fired = True
            known = [count for count in (prompt, total, other) if count is not None]
            prompt = prompt if prompt is not None else (known or [0])[0]
            total = total if total is not None else prompt
            item = item | {"usage": told | {"prompt_tokens": prompt, "total_tokens": total}}
        yield item


EMBEDDINGS_RULES: tuple[type[EmbeddingsRule], ...] = (
    EmbeddingsErrorShape,
    EmbeddingsShape,
    EmbeddingsOrder,
    EmbeddingsEncoding,
    EmbeddingsEnvelope,
    EmbeddingsUsage,
)


def tells_usage(value: Any) -> bool:
    """Whether a reply, as the upstream sent it, says how many tokens there were."""
    if not isinstance(value, dict):
        return False
    usage = value.get("usage")
    told = usage if isinstance(usage, dict) else {}
    counts = (*map(told.get, ("prompt_tokens", "total_tokens")), value.get("prompt_eval_count"))
    return any(map(_is_count, counts))


def are_numbers(vector: Any) -> bool:
    """Whether this is a vector in JSON: numbers, and at least one.

    Each question walks the list in C: a batch holds millions of numbers, and every stream of the
    process waits meanwhile.
    """
    if not isinstance(vector, list) or not vector or not set(map(type, vector)) <= _NUMBER_TYPES:
        return False
    # What is not a number compares as it likes, and shows in the sum.
    return min(vector) > -_HUGE and max(vector) < _HUGE and not math.isnan(sum(vector))


def unpacked(vector: Any) -> bytes | None:
    """The bytes of a vector in base64, None for what is none."""
    if not isinstance(vector, str):
        return None
    try:
        raw = base64.b64decode(vector, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if raw and not len(raw) % _FLOAT32_BYTES else None


def _error_in(value: Any) -> Any | None:
    if not isinstance(value, dict):
        return None
    if value.get("error"):
        return value["error"]
    base = value.get("base_resp")
    if isinstance(base, dict) and base.get("status_code") not in (0, None):
        return {"message": base.get("status_msg"), "code": base["status_code"]}
    if any(key in value for key in _DATA_KEYS):
        return None
    is_error = value.get("object") == "error" or bool(value.get("detail") or value.get("message"))
    return (value.get("detail") or value) if is_error else None


def _is_nested(vector: Any) -> TypeGuard[list[Any]]:
    return isinstance(vector, list) and bool(vector) and isinstance(vector[0], list)


def _are_objects(entries: Any) -> TypeGuard[list[dict[str, Any]]]:
    return isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries)


def _index_of(entry: dict[str, Any]) -> int:
    index: int = entry["index"]
    return index


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _as_numbers(vector: Any) -> Any:
    """Base64 of little-endian 32-bit floats as a list of numbers; all else as it is."""
    raw = unpacked(vector)
    if raw is None:
        return vector
    numbers = list(struct.unpack(f"<{len(raw) // _FLOAT32_BYTES}f", raw))
    # JSON has no NaN: what is none of the known encodings is no vector.
    return numbers if all(map(math.isfinite, numbers)) else vector


def _as_base64(vector: Any) -> Any:
    """A list of numbers as base64 of little-endian 32-bit floats; all else as it is."""
    if not are_numbers(vector):
        return vector
    try:
        return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode("ascii")
    except (struct.error, OverflowError):
        return vector
