"""What a caller asks -> the HTTP request that asks it, in one of three dialects.

Contract: pure. A question is written in chat's names, whatever the dialect, and translated as the
gateway would; what the dialect cannot hold and silence would change is a ``BadRequestError`` that
names the field. A body in the dialect's own names goes as it is. Both get ``extra`` on top, unread.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from strictwire import __version__
from strictwire.client.errors import BadRequestError
from strictwire.client.prefill import CARRIER, HEADER
from strictwire.client.steps import Send
from strictwire.config.secret import Secret
from strictwire.dialects.chat import parse_request
from strictwire.dialects.model_request import UpstreamAsk
from strictwire.dialects.translation import translate
from strictwire.model.errors import CallerError
from strictwire.model.request import FoldedTool, Promise

ClientDialect = Literal["chat", "responses", "messages"]

_PATHS: Mapping[ClientDialect, str] = {
    "chat": "/chat/completions",
    "responses": "/responses",
    "messages": "/messages",
}
# The one version that there is (Anthropic API, "Versions").
_ANTHROPIC_VERSION = "2023-06-01"
_NOTHING_FOLDED: Mapping[str, FoldedTool] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """``fields`` are the body but for how it is to be answered, in the dialect's own names if
    ``is_native``, else in chat's. ``dialect`` None: find out."""

    model: str
    fields: Mapping[str, Any] = field(repr=False)
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)
    dialect: ClientDialect | None = "chat"
    is_native: bool = False
    is_stream: bool = True
    hears_progress: bool = False


@dataclass(frozen=True, slots=True)
class Manner:
    """How it is asked this time. ``asks_usage`` is chat's alone; the others tell it always."""

    dialect: ClientDialect
    is_stream: bool
    asks_usage: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a server is, and what goes to it with every request."""

    base_url: str
    key: Secret | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("base_url must be an address such as http://127.0.0.1:8080/v1")
        if "@" in parts.netloc or parts.query or parts.fragment:
            # It would stand in logs, where nobody looks for secrets.
            raise ValueError("base_url must hold no user, password, query or fragment")

    @property
    def origin(self) -> str:
        """Host and port, for messages."""
        return urlsplit(self.base_url).netloc


@dataclass(frozen=True, slots=True)
class Written:
    """A question on its way: the HTTP request, and how its reply is to be read."""

    send: Send
    promise: Promise


def write(question: Question, manner: Manner, address: Address, promise: Promise) -> Written:
    """``promise`` has what is the same for every question. Raises BadRequestError for what the
    dialect cannot hold."""
    body, folded = _body_of(question, manner)
    url = address.base_url.rstrip("/") + _PATHS[manner.dialect]
    return Written(
        Send(url, _headers(question, manner, address), body),
        replace(
            promise,
            model=question.model,
            dialect=manner.dialect,
            is_stream=manner.is_stream,
            includes_usage=True,
            choices=1,
            tools=frozenset(_tool_names(question.fields.get("tools"))) | folded.keys(),
            folded=folded,
        ),
    )


def _body_of(question: Question, manner: Manner) -> tuple[bytes, Mapping[str, FoldedTool]]:
    fields: dict[str, Any] = {**question.fields, "model": question.model}
    folded = _NOTHING_FOLDED
    if manner.dialect != "chat" and not question.is_native:
        fields, folded = _translated(fields, manner.dialect)
    fields["stream"] = manner.is_stream
    if manner.dialect == "chat" and manner.is_stream and manner.asks_usage:
        told = fields.get("stream_options")
        options = told if isinstance(told, dict) else {}
        fields["stream_options"] = {"include_usage": True, **options}
    return msgspec.json.encode(fields | dict(question.extra)), folded


def _translated(
    fields: dict[str, Any], dialect: ClientDialect
) -> tuple[dict[str, Any], Mapping[str, FoldedTool]]:
    try:
        request = parse_request(msgspec.json.encode(fields))
        translation = translate(request, "chat", dialect)
        ask = UpstreamAsk(model=request.model, is_stream=False)
        body = msgspec.json.decode(translation.request.upstream_body(ask))
    except CallerError as error:
        raise BadRequestError(
            error.message, code=error.code, type=error.type, param=error.param
        ) from None
    return body, translation.folded


def _headers(question: Question, manner: Manner, address: Address) -> dict[str, str]:
    headers = {
        "accept": "text/event-stream, application/json",
        # Compressed events arrive in blocks, long after they were told.
        "accept-encoding": "identity",
        "content-type": "application/json",
        "user-agent": f"strictwire-client/{__version__}",
    }
    if address.key is not None:
        headers["authorization"] = f"Bearer {address.key.reveal()}"
    if manner.dialect == "messages":
        headers["anthropic-version"] = _ANTHROPIC_VERSION
        if address.key is not None:
            # Anthropic's own header; other servers of this dialect read only the one above.
            headers["x-api-key"] = address.key.reveal()
    if question.hears_progress:
        headers[HEADER] = CARRIER
    return headers | {name.lower(): value for name, value in address.headers.items()}


def _tool_names(tools: Any) -> Iterable[str]:
    for tool in tools if isinstance(tools, (list, tuple)) else ():
        if isinstance(tool, Mapping):
            inner = tool.get("function") or tool.get("custom") or tool
            name = inner.get("name") if isinstance(inner, Mapping) else None
            if isinstance(name, str):
                yield name
