"""A request of one dialect as a request of another, by way of the conversation that both tell.

Contract: ``translate`` returns a request that can be sent (``upstream_body``), the client's names
of what was left out because the answer is the same without it, and the tools that went under other
names. It raises ``CallerError`` (400) that names the client's field where the answer would be
another one. The same request always gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from strictwire.dialects.chat.conversation import read_conversation as read_chat
from strictwire.dialects.chat.conversation_writing import write_conversation as write_chat
from strictwire.dialects.chat.request import ChatRequest
from strictwire.dialects.completions.conversation import read_conversation as read_completions
from strictwire.dialects.completions.request import CompletionsRequest
from strictwire.dialects.folding import folded
from strictwire.dialects.losses import Losses, cannot_hold, held_by_none
from strictwire.dialects.messages.conversation import read_conversation as read_messages
from strictwire.dialects.messages.conversation_writing import write_conversation as write_messages
from strictwire.dialects.messages.request import MessagesRequest
from strictwire.dialects.model_request import ModelRequest
from strictwire.dialects.ollama.conversation_writing import write_conversation as write_ollama
from strictwire.dialects.ollama.request import OllamaRequest
from strictwire.dialects.responses.conversation import read_conversation as read_responses
from strictwire.dialects.responses.conversation_writing import (
    write_conversation as write_responses,
)
from strictwire.dialects.responses.request import ResponsesRequest
from strictwire.dialects.settling import errors_in_words, settled
from strictwire.model.conversation import (
    Conversation,
    File,
    HostedTool,
    Image,
    Native,
    Part,
    Text,
    Tool,
    ToolResult,
)
from strictwire.model.errors import CallerError, MisuseError
from strictwire.model.request import Dialect, FoldedTool, UpstreamDialect

_WRITERS: dict[UpstreamDialect, Callable[[Conversation, Losses], dict[str, Any]]] = {
    "chat": write_chat,
    "responses": write_responses,
    "messages": write_messages,
    "ollama": write_ollama,
}
_REQUESTS: dict[UpstreamDialect, type[ModelRequest]] = {
    "chat": ChatRequest,
    "responses": ResponsesRequest,
    "messages": MessagesRequest,
    "ollama": OllamaRequest,
}
# Their servers know plain functions alone: chat by its letter has custom tools too, but hardly any
# server but OpenAI's.
_ONLY_FUNCTIONS: frozenset[UpstreamDialect] = frozenset(("chat", "messages", "ollama"))
_ONLY_ONE_CHOICE: frozenset[UpstreamDialect] = frozenset(("responses", "messages", "ollama"))


@dataclass(frozen=True, slots=True)
class Translation:
    """``request`` is in the upstream's dialect, ``dropped`` in the client's names. ``folded`` has
    what the upstream's names of tools stand for, where they are not the client's."""

    request: ModelRequest
    dropped: tuple[str, ...] = ()
    folded: Mapping[str, FoldedTool] = field(default_factory=dict)


def translate(request: ModelRequest, source: Dialect, target: UpstreamDialect) -> Translation:
    """The request for a server of dialect ``target``; its ``tools`` are named as that server knows
    them. Where both are the same it is the request as it is."""
    if source == target:
        return Translation(request)
    if target not in _WRITERS:
        raise MisuseError(f"requests are not translated to {target}")
    if target in _ONLY_ONE_CHOICE and (request.choices or 1) > 1:
        raise cannot_hold("n", "asks for several answers", target, "Ask for one at a time")
    losses = Losses()
    conversation = _foreign_removed(read_conversation(request), target, losses)
    turns = settled(conversation.turns)
    if target != "messages":
        turns = errors_in_words(turns)
    conversation = replace(conversation, turns=turns)
    names: dict[str, FoldedTool] = {}
    if target in _ONLY_FUNCTIONS:
        conversation, names = folded(conversation)
    fields = _envelope(request, target) | _WRITERS[target](conversation, losses)
    tools = frozenset(tool.name for tool in conversation.tools if isinstance(tool, Tool))
    return Translation(_as_request(request, target, fields, tools), losses.names, names)


def read_conversation(request: ModelRequest) -> Conversation:
    """What a request asks, whatever its dialect."""
    match request:
        case ChatRequest():
            return read_chat(request)
        case CompletionsRequest():
            return read_completions(request)
        case ResponsesRequest():
            return read_responses(request)
        case MessagesRequest():
            return read_messages(request)
        case _:
            raise MisuseError("this request tells no conversation")


def _envelope(request: ModelRequest, target: UpstreamDialect) -> dict[str, Any]:
    fields: dict[str, Any] = {"model": request.model, "stream": request.is_stream}
    if target == "chat" and request.includes_usage:
        fields["stream_options"] = {"include_usage": True}
    return fields


def _as_request(
    request: ModelRequest, target: UpstreamDialect, fields: dict[str, Any], tools: frozenset[str]
) -> ModelRequest:
    try:
        encoded = {name: msgspec.json.encode(value) for name, value in fields.items()}
    except RecursionError:
        raise CallerError("The request is nested too deeply.", code="invalid_json") from None
    return _REQUESTS[target](
        model=request.model,
        is_stream=request.is_stream,
        includes_usage=request.includes_usage,
        choices=request.choices,
        tools=tools,
        raw=msgspec.json.encode({name: msgspec.Raw(value) for name, value in encoded.items()}),
        fields={name: msgspec.Raw(value) for name, value in encoded.items()},
    )


def _foreign_removed(
    conversation: Conversation, target: UpstreamDialect, losses: Losses
) -> Conversation:
    """Without what only the client's dialect can say: tools of its server, records of their use.

    Agents list such tools whether they need them or not, so a model that does without them is no
    surprise; one that must call them is."""
    choice = conversation.tool_choice
    if choice and choice.hosted:
        raise cannot_hold(choice.at, "forces a tool of the server's own", target)
    tools = tuple(tool for tool in conversation.tools if isinstance(tool, Tool))
    hosted = [tool for tool in conversation.tools if isinstance(tool, HostedTool)]
    if choice and choice.mode in ("required", "named") and hosted:
        named = choice.named.name if choice.named else None
        if not tools or any(tool.value.get("name") == named for tool in hosted if named):
            raise cannot_hold(choice.at, "forces a tool of the server's own", target)
    for tool in hosted:
        losses.drop(f"tools.{tool.kind}")
    turns = tuple(
        replace(turn, parts=tuple(_known(turn.parts, losses))) for turn in conversation.turns
    )
    return replace(conversation, tools=tools, turns=turns)


def _known(parts: tuple[Part, ...], losses: Losses) -> Iterator[Part]:
    for part in parts:
        if isinstance(part, ToolResult):
            inner = _known(part.parts, losses)
            held = tuple(one for one in inner if isinstance(one, Text | Image | File))
            yield replace(part, parts=held)
        elif not isinstance(part, Native):
            yield part
        elif part.is_record:
            losses.drop(f"input.{part.kind}")
        else:
            raise held_by_none(part.at, "is of a kind", part.dialect)
