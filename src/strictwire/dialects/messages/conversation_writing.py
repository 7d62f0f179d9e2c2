"""A conversation written as a Messages request.

Contract: ``write_conversation`` returns the fields of the body but ``model`` and ``stream``, in the
form that Anthropic's own server takes, which is the strictest: the user's turn first, turns in
alternation, no empty texts, thinking only with its signature, a budget that leaves room for the
answer. Namespaces and custom tools are folded before (``folding``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from strictwire.dialects.losses import Losses, cannot_hold
from strictwire.dialects.media import media_type_of, split_data_url, text_of_file
from strictwire.dialects.messages.conversation_thinking import write_thinking
from strictwire.dialects.request_options import write_options, write_other
from strictwire.model.conversation import (
    Conversation,
    File,
    Image,
    OutputFormat,
    Part,
    Reasoning,
    Refusal,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)

# Required here, and in no other dialect. The most that every Claude since version 4 takes: others
# would stop an answer short that their client did not bound.
DEFAULT_MAX_TOKENS = 32_000
# Chat goes up to 2.
_MAX_TEMPERATURE = 1.0
_SYSTEM = ("system", "developer")
_SERVICE_TIERS = {"auto": "auto", "default": "standard_only"}
_EPHEMERAL = {"type": "ephemeral"}
_NO_PARAMETERS: dict[str, Any] = {"type": "object", "properties": {}}
# The user must speak first; some conversations begin with the assistant.
_OPENING = "(The assistant begins.)"
# Where a call's arguments are no JSON object, as the model wrote them.
_UNPARSED = "arguments"

_Message = dict[str, Any]


def write_conversation(conversation: Conversation, losses: Losses) -> dict[str, Any]:
    """The fields of a Messages request that asks the same. Raises CallerError 400 for what Messages
    cannot hold."""
    system, turns = _split(conversation.turns)
    fields: dict[str, Any] = {"messages": _messages(turns, losses)}
    if system:
        is_plain = len(system) == 1 and "cache_control" not in system[0]
        fields["system"] = system[0]["text"] if is_plain else system
    written = ("user", "service_tier")
    fields |= write_options(conversation, "messages", losses, written)
    fields |= _whose(conversation, losses)
    fields |= _tool_fields(conversation)
    if conversation.output and conversation.output.kind != "text":
        fields["output_config"] = {"format": _format(conversation.output)}
    write_thinking(conversation, fields, losses)
    fields.setdefault("max_tokens", DEFAULT_MAX_TOKENS)
    if fields.get("temperature", 0) > _MAX_TEMPERATURE:
        fields["temperature"] = _MAX_TEMPERATURE
        losses.drop("temperature")
    return fields | write_other(conversation, "messages", losses)


def _split(turns: tuple[Turn, ...]) -> tuple[list[dict[str, Any]], tuple[Turn, ...]]:
    """What the system says before anyone else, and the rest."""
    system: list[dict[str, Any]] = []
    place = 0
    for turn in turns:
        if turn.role not in _SYSTEM or not all(isinstance(part, Text) for part in turn.parts):
            break
        system.extend(_text(part) for part in turn.parts if isinstance(part, Text))
        place += 1
    if place == len(turns):
        # Someone must speak: a conversation of nothing but instructions is the user's.
        return [], tuple(Turn("user", turn.parts, at=turn.at) for turn in turns)
    return [block for block in system if block["text"].strip()], turns[place:]


def _messages(turns: Iterable[Turn], losses: Losses) -> list[_Message]:
    messages: list[_Message] = []
    for turn in turns:
        if turn.name:
            losses.drop("messages.name")
        role = "assistant" if turn.role == "assistant" else "user"
        blocks = [block for part in turn.parts for block in _blocks(part, turn, losses)]
        if not blocks:
            continue
        if messages and messages[-1]["role"] == role:
            messages[-1]["content"].extend(blocks)
        else:
            messages.append({"role": role, "content": blocks})
    if not messages or messages[0]["role"] != "user":
        messages.insert(0, {"role": "user", "content": [{"type": "text", "text": _OPENING}]})
    _trim_end(messages)
    return [_plain(message) for message in messages]


def _trim_end(messages: list[_Message]) -> None:
    """An answer that was begun must not end in white space."""
    last = messages[-1]
    if last["role"] == "assistant" and last["content"][-1]["type"] == "text":
        block = last["content"][-1]
        last["content"][-1] = {**block, "text": block["text"].rstrip()}


def _plain(message: _Message) -> _Message:
    """One text alone is told as a string, as most clients do."""
    content = message["content"]
    if len(content) == 1 and set(content[0]) == {"type", "text"}:
        return {"role": message["role"], "content": content[0]["text"]}
    return message


def _blocks(part: Part, turn: Turn, losses: Losses) -> Iterator[dict[str, Any]]:
    match part:
        case Text() | Refusal():
            if part.text.strip():
                block = _text(part) if isinstance(part, Text) else _words(part.text)
                if turn.role in _SYSTEM:
                    # Only what is said first can be told as the system's.
                    block["text"] = f"<system>\n{part.text}\n</system>"
                yield block
        case Image():
            yield _cached(_image(part, losses), part)
        case File():
            yield _cached(_document(part), part)
        case Reasoning():
            yield from _thought(part, losses)
        case ToolCall():
            told = {"type": "tool_use", "id": part.id, "name": part.name}
            yield {**told, "input": _input(part.arguments)}
        case ToolResult():
            yield _result(part, turn, losses)
        case _:
            raise cannot_hold(part.at, "is neither text nor image nor document", "messages")


def _text(part: Text) -> dict[str, Any]:
    return _cached(_words(part.text), part)


def _words(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _cached(block: dict[str, Any], part: Text | Image | File) -> dict[str, Any]:
    return {**block, "cache_control": _EPHEMERAL} if part.is_cache_point else block


def _thought(part: Reasoning, losses: Losses) -> Iterator[dict[str, Any]]:
    if part.is_redacted:
        yield {"type": "redacted_thinking", "data": part.seal}
    elif part.seal:
        yield {"type": "thinking", "thinking": part.text, "signature": part.seal}
    else:
        # Anthropic's server takes back only what it has signed.
        losses.drop("messages.reasoning")


def _input(arguments: str) -> msgspec.Raw | dict[str, Any]:
    """The arguments as an object, spelled as the model did."""
    if not arguments.strip():
        return {}
    try:
        is_object = isinstance(msgspec.json.decode(arguments), dict)
    except (msgspec.DecodeError, RecursionError):
        is_object = False
    return msgspec.Raw(arguments.encode()) if is_object else {_UNPARSED: arguments}


def _result(result: ToolResult, turn: Turn, losses: Losses) -> dict[str, Any]:
    told: dict[str, Any] = {"type": "tool_result", "tool_use_id": result.call_id}
    content = [block for part in result.parts for block in _blocks(part, turn, losses)]
    if content:
        told["content"] = _plain({"role": "", "content": content})["content"]
    return {**told, "is_error": True} if result.is_error else told


def _image(image: Image, losses: Losses) -> dict[str, Any]:
    if not image.url:
        raise cannot_hold(image.at, "names an image that another server keeps", "messages")
    if image.detail and image.detail != "auto":
        losses.drop("messages.detail")
    embedded = split_data_url(image.url)
    if embedded is None:
        return {"type": "image", "source": {"type": "url", "url": image.url}}
    media_type, data = embedded
    return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}


def _document(file: File) -> dict[str, Any]:
    if file.file_id:
        raise cannot_hold(file.at, "names a file that another server keeps", "messages")
    text = text_of_file(file)
    if text is not None:
        source: dict[str, Any] = {"type": "text", "media_type": "text/plain", "data": text}
    elif file.url:
        source = {"type": "url", "url": file.url}
    elif media_type_of(file) == "application/pdf":
        source = {"type": "base64", "media_type": "application/pdf", "data": file.data}
    else:
        raise cannot_hold(
            file.at, "is neither a PDF nor a text", "messages", "Send it as one of these"
        )
    block: dict[str, Any] = {"type": "document", "source": source}
    return {**block, "title": file.name} if file.name else block


def _whose(conversation: Conversation, losses: Losses) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if user := conversation.options.get("user"):
        fields["metadata"] = {"user_id": user}
    tier = conversation.options.get("service_tier")
    if isinstance(tier, str) and tier in _SERVICE_TIERS:
        fields["service_tier"] = _SERVICE_TIERS[tier]
    elif tier:
        losses.drop("service_tier")
    return fields


def _tool_fields(conversation: Conversation) -> dict[str, Any]:
    tools = [_tool(tool) for tool in conversation.tools if isinstance(tool, Tool)]
    if not tools:
        # The server refuses calls in the history that no tool explains.
        called = {part.name: None for part in _calls(conversation.turns)}
        if not called:
            return {}
        tools = [{"name": name, "input_schema": _NO_PARAMETERS} for name in called]
        return {"tools": tools, "tool_choice": {"type": "none"}}
    fields: dict[str, Any] = {"tools": tools}
    choice = _tool_choice(conversation.tool_choice)
    if conversation.calls_in_parallel is False and choice.get("type") != "none":
        choice = {"type": "auto", **choice, "disable_parallel_tool_use": True}
    return {**fields, "tool_choice": choice} if choice else fields


def _calls(turns: Iterable[Turn]) -> Iterator[ToolCall]:
    for turn in turns:
        yield from (part for part in turn.parts if isinstance(part, ToolCall))


def _tool(tool: Tool) -> dict[str, Any]:
    told: dict[str, Any] = {"name": tool.name}
    if tool.description:
        told["description"] = tool.description
    told["input_schema"] = {**_NO_PARAMETERS, **(tool.parameters or {})}
    if tool.is_strict:
        told["strict"] = True
    return told


def _tool_choice(choice: ToolChoice | None) -> dict[str, Any]:
    match choice:
        case None:
            return {}
        case ToolChoice(named=named) if named:
            return {"type": "tool", "name": named.name}
        case ToolChoice(mode="required"):
            return {"type": "any"}
        case _:
            return {"type": choice.mode}


def _format(output: OutputFormat) -> dict[str, Any]:
    if output.schema is None:
        raise cannot_hold(
            output.at, "asks for JSON without a schema", "messages", "Send a 'json_schema'"
        )
    return {"type": "json_schema", "schema": output.schema}
