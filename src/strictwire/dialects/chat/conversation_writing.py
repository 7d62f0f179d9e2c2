"""A conversation written as a chat request.

Contract: ``write_conversation`` returns the fields of the body but ``model`` and ``stream``. Most
chat servers are local ones that know only a part of what OpenAI's knows, so the plainest form is
written: one system message at the start, "system" for "developer", texts as one string, no field
that would only be new to them. Namespaces and custom tools are folded before (``folding``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from strictwire.dialects.chat.seals import detail_of
from strictwire.dialects.efforts import effort_of
from strictwire.dialects.losses import Losses, cannot_hold
from strictwire.dialects.media import data_url, document, media_type_of, text_of_file
from strictwire.dialects.request_options import write_options, write_other
from strictwire.model.conversation import (
    Audio,
    Conversation,
    File,
    Image,
    Native,
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

_SYSTEM = ("system", "developer")
_DETAILS = ("auto", "low", "high")
_BLANK_LINE = "\n\n"
# A schema must have a name here, and not in every dialect.
_UNNAMED_SCHEMA = "answer"


def write_conversation(conversation: Conversation, losses: Losses) -> dict[str, Any]:
    """The fields of a chat request that asks the same. Raises CallerError 400 for what chat cannot
    hold."""
    fields: dict[str, Any] = {"messages": list(_messages(conversation.turns, losses))}
    fields |= write_options(conversation, "chat", losses)
    tools = [_tool(tool) for tool in conversation.tools if isinstance(tool, Tool)]
    if tools:
        fields["tools"] = tools
        if conversation.tool_choice:
            fields["tool_choice"] = _tool_choice(conversation.tool_choice)
        if conversation.calls_in_parallel is not None:
            fields["parallel_tool_calls"] = conversation.calls_in_parallel
    if conversation.output:
        fields["response_format"] = _response_format(conversation.output)
    thinking = conversation.thinking
    if thinking:
        if effort := effort_of(thinking):
            fields["reasoning_effort"] = effort
        if thinking.summary or thinking.is_hidden:
            losses.drop(f"{conversation.named('thinking')}.summary")
    return fields | write_other(conversation, "chat", losses)


def _messages(turns: tuple[Turn, ...], losses: Losses) -> Iterator[dict[str, Any]]:
    begin = next((place for place, one in enumerate(turns) if one.role not in _SYSTEM), len(turns))
    if begin:
        # Templates of many models refuse a second system message.
        texts = [_text(turn.parts, losses) for turn in turns[:begin]]
        yield {"role": "system", "content": _BLANK_LINE.join(text for text in texts if text)}
    for turn in turns[begin:]:
        yield from _turn(turn, losses)


def _turn(turn: Turn, losses: Losses) -> Iterator[dict[str, Any]]:
    if turn.role == "tool":
        yield from _results(turn.parts, losses)
        return
    message: dict[str, Any]
    if turn.role in _SYSTEM:
        message = {"role": "system", "content": _text(turn.parts, losses)}
    elif turn.role == "user":
        message = {"role": "user", "content": _content(turn.parts, losses)}
    else:
        message = _assistant(turn.parts, losses)
    if turn.name:
        message["name"] = turn.name
    yield message


def _assistant(parts: Iterable[Part], losses: Losses) -> dict[str, Any]:
    told = tuple(parts)
    message: dict[str, Any] = {"role": "assistant", "content": _text(told, losses)}
    thoughts = [part for part in told if isinstance(part, Reasoning)]
    if text := _BLANK_LINE.join(one.text for one in thoughts if one.text):
        message["reasoning_content"] = text
    if sealed := [one for one in thoughts if one.seal]:
        message["reasoning_details"] = [
            detail_of(one.seal, one.id, is_redacted=one.is_redacted) for one in sealed
        ]
    if refusals := [part.text for part in told if isinstance(part, Refusal)]:
        message["refusal"] = _BLANK_LINE.join(refusals)
    calls = [_call(part) for part in told if isinstance(part, ToolCall)]
    if calls:
        message["tool_calls"] = calls
    return message


def _call(call: ToolCall) -> dict[str, Any]:
    body = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": body}


def _results(results: Iterable[Part], losses: Losses) -> Iterator[dict[str, Any]]:
    """The results, each a message of its own, then what only a user's message can hold of them."""
    shown: list[dict[str, Any]] = []
    for result in results:
        if not isinstance(result, ToolResult):
            continue
        content = _text(result.parts, losses)
        yield {"role": "tool", "tool_call_id": result.call_id, "content": content}
        others = [part for part in result.parts if not isinstance(part, Text)]
        if others:
            shown.append(_words(f"What the tool call {result.call_id} returned beside its text:"))
            shown.extend(_content_part(part, losses) for part in others)
    if shown:
        yield {"role": "user", "content": shown}


def _text(parts: Iterable[Part], losses: Losses) -> str:
    texts = [part for part in parts if isinstance(part, Text)]
    if any(text.is_cache_point for text in texts):
        losses.drop("cache_control")
    return _BLANK_LINE.join(text.text for text in texts)


def _content(parts: Iterable[Part], losses: Losses) -> str | list[dict[str, Any]]:
    told = tuple(parts)
    if all(isinstance(part, Text) for part in told):
        return _text(told, losses)
    return [_content_part(part, losses) for part in told]


def _content_part(part: Part, losses: Losses) -> dict[str, Any]:
    if isinstance(part, Text | Image | File) and part.is_cache_point:
        losses.drop("cache_control")
    match part:
        case Text():
            return _words(part.text)
        case Image():
            if not part.url:
                raise cannot_hold(part.at, "names an image that another server keeps", "chat")
            image = {"url": part.url}
            if part.detail:
                image["detail"] = part.detail if part.detail in _DETAILS else "high"
            return {"type": "image_url", "image_url": image}
        case File():
            return _file(part)
        case Audio():
            return {
                "type": "input_audio",
                "input_audio": {"data": part.data, "format": part.format},
            }
        case Refusal():
            return _words(part.text)
        case Reasoning() | ToolCall() | ToolResult() | Native():
            raise cannot_hold(part.at, "stands where only text and media may", "chat")


def _words(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _file(file: File) -> dict[str, Any]:
    text = text_of_file(file)
    if text is not None:
        # Local servers read texts, and seldom files.
        return _words(document(text, file.name))
    if file.file_id:
        return {"type": "file", "file": {"file_id": file.file_id}}
    if not file.data:
        raise cannot_hold(file.at, "is a file behind a URL", "chat", "Send its bytes as base64")
    data = data_url(media_type_of(file), file.data)
    return {"type": "file", "file": {"filename": file.name or "document.pdf", "file_data": data}}


def _tool(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    if tool.parameters is not None:
        function["parameters"] = tool.parameters
    if tool.is_strict is not None:
        function["strict"] = tool.is_strict
    return {"type": "function", "function": function}


def _tool_choice(choice: ToolChoice) -> str | dict[str, Any]:
    if choice.named:
        return {"type": "function", "function": {"name": choice.named.name}}
    return choice.mode


def _response_format(output: OutputFormat) -> dict[str, Any]:
    if output.kind != "json_schema":
        return {"type": output.kind}
    schema: dict[str, Any] = {"name": output.name or _UNNAMED_SCHEMA}
    if output.description:
        schema["description"] = output.description
    if output.schema is not None:
        schema["schema"] = output.schema
    if output.is_strict is not None:
        schema["strict"] = output.is_strict
    return {"type": "json_schema", "json_schema": schema}
