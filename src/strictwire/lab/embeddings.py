"""``POST /v1/embeddings``: a request's bytes -> vectors, told rightly or in one of the wrong ways.

The vectors follow from the text alone, so that whoever asks twice gets the same, and a test can
say what must come: ``vector_of``. Rows are a table of their own, since nothing of a chat answer
is in them; the early errors of chat are played here too.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from strictwire.lab.ask import parse_object
from strictwire.lab.script import Json, Reply, json_reply
from strictwire.model.errors import CallerError

DIMENSIONS = 8
# Vectors are made to be compared, not to mean anything; nobody needs them longer.
MAX_DIMENSIONS = 4096
MAX_INPUTS = 2048


def vector_of(text: str, dimensions: int = DIMENSIONS) -> list[float]:
    """Numbers from -1 to 1 that a 32-bit float holds exactly, whatever the encoding."""
    digests = (hashlib.sha256(f"{n}:{text}".encode()).digest() for n in itertools.count())
    halves = itertools.chain.from_iterable(struct.unpack("<16h", digest) for digest in digests)
    return [half / 32768 for half in itertools.islice(halves, dimensions)]


def as_base64(vector: list[float]) -> str:
    """32-bit floats, little-endian, as OpenAI and its SDKs read them."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


@dataclass(frozen=True, slots=True)
class EmbeddingsAsk:
    """``texts`` are the inputs; tokens, which the lab cannot read, stand there as numbers."""

    model: str
    texts: tuple[str, ...]
    is_base64: bool = False
    dimensions: int = DIMENSIONS

    @classmethod
    def parse(cls, body: bytes) -> EmbeddingsAsk:
        """Raises ``CallerError`` (400) that names the field."""
        value = parse_object(body)
        model, dimensions = value.get("model"), value.get("dimensions", DIMENSIONS)
        if not isinstance(model, str) or not model:
            raise CallerError("model must be a non-empty string", param="model")
        if not isinstance(dimensions, int) or not 1 <= dimensions <= MAX_DIMENSIONS:
            message = f"dimensions must be a number from 1 to {MAX_DIMENSIONS}"
            raise CallerError(message, param="dimensions")
        is_base64 = value.get("encoding_format") == "base64"
        return cls(model, _texts_of(value.get("input")), is_base64, dimensions)

    @property
    def vectors(self) -> list[list[float]]:
        return [vector_of(text, self.dimensions) for text in self.texts]

    @property
    def usage(self) -> Json:
        tokens = sum(len(text.split()) for text in self.texts)
        return {"prompt_tokens": tokens, "total_tokens": tokens}


def _texts_of(value: object) -> tuple[str, ...]:
    inputs: list[Any] = value if isinstance(value, list) else [value]
    if inputs and all(isinstance(one, int) and not isinstance(one, bool) for one in inputs):
        return (" ".join(map(str, inputs)),)
    if not inputs or len(inputs) > MAX_INPUTS or not all(isinstance(i, str | list) for i in inputs):
        raise CallerError("input must be a string, or an array of strings or tokens", param="input")
    return tuple(one if isinstance(one, str) else " ".join(map(str, one)) for one in inputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingsScenario:
    """``rules`` mend the reply to an ask for floats, and ``base64_rules`` one for base64.
    ``fails``: there is no right answer in it, so a strict client must get a 502."""

    name: str
    title: str
    rules: tuple[str, ...] = ()
    base64_rules: tuple[str, ...] = ()
    reply: Callable[[EmbeddingsAsk], Reply]
    tells_usage: bool = True
    fails: bool = False


# ---- how it is told ----


def _told(ask: EmbeddingsAsk, *, is_base64: bool) -> list[Json]:
    return [
        {"object": "embedding", "index": at, "embedding": as_base64(v) if is_base64 else v}
        for at, v in enumerate(ask.vectors)
    ]


def _strict(ask: EmbeddingsAsk, *, is_base64: bool | None = None) -> Json:
    encoded = ask.is_base64 if is_base64 is None else is_base64
    data = _told(ask, is_base64=encoded)
    return {"object": "list", "data": data, "model": ask.model, "usage": ask.usage}


def _by(change: Callable[[Json, EmbeddingsAsk], object]) -> Callable[[EmbeddingsAsk], Reply]:
    """The right reply, changed in place or into what is returned."""

    def reply(ask: EmbeddingsAsk) -> Reply:
        value = _strict(ask)
        changed = change(value, ask)
        return json_reply(value if changed is None else changed)

    return reply


def _keys_missing(value: Json, ask: EmbeddingsAsk) -> None:
    del value["object"], value["model"]
    for told in value["data"]:
        del told["object"], told["index"]


def _usage_missing(value: Json, ask: EmbeddingsAsk) -> None:
    del value["usage"]


def _usage_nulls(value: Json, ask: EmbeddingsAsk) -> None:
    value["usage"] = {"prompt_tokens": ask.usage["prompt_tokens"], "total_tokens": None}


def _nested(value: Json, ask: EmbeddingsAsk) -> None:
    for told in value["data"]:
        told["embedding"] = [told["embedding"]]


def _backwards(value: Json, ask: EmbeddingsAsk) -> None:
    value["data"].reverse()


def _one_short(value: Json, ask: EmbeddingsAsk) -> None:
    value["data"].pop()


def _not_numbers(value: Json, ask: EmbeddingsAsk) -> None:
    for told in value["data"]:
        told["embedding"] = ["0.5", None]


_SHAPE = ("embeddings.shape",)
_USAGE = ("embeddings.usage",)
_ENCODING = ("embeddings.encoding",)
_ENVELOPE = ("embeddings.envelope",)
_ORDER = ("embeddings.order",)
_BARE_OBJECTS = (*_SHAPE, *_ENVELOPE, *_USAGE)
_BARE = (*_BARE_OBJECTS, *_ORDER)
_ERROR = {"error": {"message": "The model ran out of memory.", "type": "server_error"}}

ROWS = (
    EmbeddingsScenario(
        name="embeddings-healthy",
        title="Vectors as they were asked for",
        reply=_by(lambda value, ask: None),
    ),
    EmbeddingsScenario(
        name="embeddings-missing-keys",
        title="No object, index or model",
        rules=(*_ORDER, *_ENVELOPE),
        base64_rules=(*_ORDER, *_ENVELOPE),
        reply=_by(_keys_missing),
    ),
    EmbeddingsScenario(
        name="embeddings-usage-missing",
        title="Usage is never told",
        rules=_USAGE,
        base64_rules=_USAGE,
        reply=_by(_usage_missing),
        tells_usage=False,
    ),
    EmbeddingsScenario(
        name="embeddings-usage-nulls",
        title="Usage with a null for its sum",
        rules=_USAGE,
        base64_rules=_USAGE,
        reply=_by(_usage_nulls),
    ),
    EmbeddingsScenario(
        name="embeddings-bare-list",
        title="A list of vectors and nothing else, as of TEI",
        rules=_BARE,
        base64_rules=(*_BARE, *_ENCODING),
        reply=lambda ask: json_reply(ask.vectors),
        tells_usage=False,
    ),
    EmbeddingsScenario(
        name="embeddings-bare-objects",
        title="A list of objects that hold nested vectors, as of llama.cpp's own path",
        rules=_BARE_OBJECTS,
        base64_rules=(*_BARE_OBJECTS, *_ENCODING),
        reply=lambda ask: json_reply(
            [{"index": at, "embedding": [vector]} for at, vector in enumerate(ask.vectors)]
        ),
        tells_usage=False,
    ),
    EmbeddingsScenario(
        name="embeddings-nested",
        title="Each vector in a list of its own",
        rules=_SHAPE,
        base64_rules=_SHAPE,
        reply=_by(_nested),
    ),
    EmbeddingsScenario(
        name="embeddings-ollama",
        title="Ollama's own shape: embeddings, and no objects",
        rules=_BARE,
        base64_rules=(*_BARE, *_ENCODING),
        reply=lambda ask: json_reply({"model": ask.model, "embeddings": ask.vectors}),
        tells_usage=False,
    ),
    EmbeddingsScenario(
        name="embeddings-out-of-order",
        title="Vectors in another order than their indexes",
        rules=_ORDER,
        base64_rules=_ORDER,
        reply=_by(_backwards),
    ),
    EmbeddingsScenario(
        name="embeddings-floats-for-base64",
        title="Floats, whatever was asked",
        base64_rules=("embeddings.encoding",),
        reply=lambda ask: json_reply(_strict(ask, is_base64=False)),
    ),
    EmbeddingsScenario(
        name="embeddings-base64-for-floats",
        title="base64, whatever was asked",
        rules=("embeddings.encoding",),
        reply=lambda ask: json_reply(_strict(ask, is_base64=True)),
    ),
    EmbeddingsScenario(
        name="embeddings-one-short",
        title="One vector less than inputs",
        reply=_by(_one_short),
        fails=True,
    ),
    EmbeddingsScenario(
        name="embeddings-no-numbers",
        title="Vectors that hold no numbers",
        reply=_by(_not_numbers),
        fails=True,
    ),
    EmbeddingsScenario(
        name="embeddings-error",
        title="An error object with status 200",
        rules=("embeddings.error-shape",),
        base64_rules=("embeddings.error-shape",),
        reply=lambda ask: json_reply(_ERROR),
        fails=True,
    ),
)

EMBEDDINGS_SCENARIOS: dict[str, EmbeddingsScenario] = {row.name: row for row in ROWS}
