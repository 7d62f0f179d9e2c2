"""In which dialect an upstream is asked, and how one that does not know a dialect says so.

Contract: pure. ``upstream_dialect`` decides by the setting ``dialects`` and by what was learned of
the provider; ``lacks_endpoint`` reads a refusal. A path that a server does not have is a 404, 405
or 501 without a word of the request; one that says that the *model* is not there says that the
path is, and goes to the client as it came.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any, get_args

from strictwire.model.errors import CallerError
from strictwire.model.request import Dialect, UpstreamDialect

DIALECTS: tuple[Dialect, ...] = get_args(Dialect)
# Where a client's own dialect is not to be had: what most servers speak comes first.
_STAND_INS: tuple[UpstreamDialect, ...] = ("chat", "responses", "messages", "ollama")
# What is asked for where it was learned that the client's own dialect is missing.
FALLBACK: Dialect = "chat"

# How a refused dialect stands among the names of refused fields.
_REFUSAL = "dialect="

_MISSING_STATUSES = frozenset((404, 405, 501))
# Refusals of a path are short. A longer body is a page, and no page speaks of a model.
MAX_BODY_BYTES = 64 * 1024
_MODEL_WORDS = re.compile(r"\bmodels?\b|\bdeployments?\b|\badapters?\b", re.IGNORECASE)
# As servers name it in a code or type: "model_not_found", "DeploymentNotFound".
_MODEL_NAME = re.compile(r"model|deployment", re.IGNORECASE)
_TEXTS = ("message", "detail", "error", "msg", "title")
# A body is not looked into deeper than any server nests its words.
_MAX_DEPTH = 3


def upstream_dialect(
    client: Dialect, listed: Sequence[UpstreamDialect], missing: Collection[UpstreamDialect]
) -> UpstreamDialect:
    """The dialect to ask in for a client of ``client``. ``listed`` is the provider's setting, empty
    for "auto"; ``missing`` was learned.

    ``CallerError`` 404 ``dialect_not_served`` where the list holds nothing that could stand in.
    """
    if not listed:
        return FALLBACK if client in missing else client
    if client in listed:
        return client
    for dialect in _STAND_INS:
        if dialect in listed:
            return dialect
    raise CallerError(
        f"The provider of this model speaks only {', '.join(listed)} (setting: dialects), in "
        "which this request cannot be asked. Use that path, or another model.",
        status=404,
        param="model",
        code="dialect_not_served",
    )


def dialects_listed(
    by_settings: Sequence[UpstreamDialect],
    by_kind: Sequence[UpstreamDialect],
    missing: Collection[UpstreamDialect],
) -> tuple[UpstreamDialect, ...]:
    """The dialects that a provider is known to have, none where that is found out. The settings
    are taken at their word; a kind's row is what was true of others of its kind, so that what is
    ``missing`` here outranks it."""
    return tuple(by_settings) or tuple(one for one in by_kind if one not in missing)


def dialect_refusal(dialect: UpstreamDialect) -> str:
    """The name, among those of refused fields, that says that this dialect is missing."""
    return _REFUSAL + dialect


def dialects_refused(names: Collection[str]) -> frozenset[Dialect]:
    """The dialects that such names speak of."""
    return frozenset(dialect for dialect in DIALECTS if _REFUSAL + dialect in names)


def lacks_endpoint(status: int, body: bytes, model: str) -> bool:
    """Whether a refusal means that the server does not have the path. ``model`` is the name that
    it was asked for: a refusal that repeats it has read the request."""
    if status not in _MISSING_STATUSES:
        return False
    # A page is of the web server, whatever words are in it: model servers refuse in JSON or text.
    if len(body) > MAX_BODY_BYTES or body.lstrip()[:1] == b"<":
        return True
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = body.decode("utf-8", "replace")
    return not _speaks_of_a_model(value, model)


def _speaks_of_a_model(value: Any, model: str) -> bool:
    for error in _objects(value):
        if isinstance(error.get("param"), str) and error["param"]:
            return True
        named = (error.get("code"), error.get("type"))
        if any(isinstance(one, str) and _MODEL_NAME.search(one) for one in named):
            return True
    asked = re.compile(rf"(?<![\w/-]){re.escape(model)}(?![\w/-])")
    return any(_MODEL_WORDS.search(text) or asked.search(text) for text in _texts(value))


def _objects(value: Any, depth: int = _MAX_DEPTH) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict) and depth:
        yield value
        for name in ("error", "detail"):
            yield from _objects(value.get(name), depth - 1)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for error in _objects(value):
        for name in _TEXTS:
            if isinstance(error.get(name), str):
                yield error[name]
