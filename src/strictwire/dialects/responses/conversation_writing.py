"""A conversation written as a Responses request.

Contract: ``write_conversation`` returns the fields of the body but ``model`` and ``stream``. What
the system says first goes as ``instructions`` (some servers insist on it), all else in place. The
server is asked to store nothing: neither chat nor Messages clients expect to be kept. Then sealed
reasoning is all that can be given back to it, so it is asked for where thinking was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from strictwire.dialects.efforts import effort_of
from strictwire.dialects.losses import Losses, cannot_hold
from strictwire.dialects.media import data_url, media_type_of
from strictwire.dialects.request_options import write_options, write_other
from strictwire.dialects.responses.conversation_tools import write_tool, write_tool_choice
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
    ToolResult,
    Turn,
)
from strictwire.model.events import REDACTED_PREFIX

# OpenAI's server refuses less. Agents ask for a single token to see whether a key is good.
MIN_OUTPUT_TOKENS = 16
_SYSTEM = ("system", "developer")
_BLANK_LINE = "\n\n"
_UNNAMED_SCHEMA = "answer"
_EXPLICIT = {"mode": "explicit"}


def write_conversation(conversation: Conversation, losses: Losses) -> dict[str, Any]:
    """The fields of a Responses request that asks the same. Raises CallerError 400 for what
    Responses cannot hold."""
    fields: dict[str, Any] = {}
    turns = conversation.turns
    first = turns[0] if turns else None
    if first and first.role in _SYSTEM and all(isinstance(part, Text) for part in first.parts):
        texts = [part.text for part in first.parts if isinstance(part, Text)]
        fields["instructions"] = _BLANK_LINE.join(texts)
        turns = turns[1:]
    fields["input"] = [item for place, turn in enumerate(turns) for item in _items(turn, place)]
    if any(turn.name for turn in turns):
        losses.drop("messages.name")
    fields |= write_options(conversation, "responses", losses, written=("logprobs", "verbosity"))
    if fields.get("max_output_tokens", MIN_OUTPUT_TOKENS) < MIN_OUTPUT_TOKENS:
        fields["max_output_tokens"] = MIN_OUTPUT_TOKENS
        losses.drop(conversation.named("max_tokens"))
    fields |= _tool_fields(conversation) | _text_field(conversation)
    fields |= _reasoning_fields(conversation, losses)
    if conversation.options.get("logprobs"):
        fields.setdefault("include", []).append("message.output_text.logprobs")
    return {**fields, **write_other(conversation, "responses", losses), "store": False}


def _tool_fields(conversation: Conversation) -> dict[str, Any]:
    tools = [write_tool(tool) for tool in conversation.tools if isinstance(tool, Tool)]
    if not tools:
        return {}
    fields: dict[str, Any] = {"tools": tools}
    if conversation.tool_choice:
        fields["tool_choice"] = write_tool_choice(conversation.tool_choice)
    if conversation.calls_in_parallel is not None:
        fields["parallel_tool_calls"] = conversation.calls_in_parallel
    return fields


def _text_field(conversation: Conversation) -> dict[str, Any]:
    text: dict[str, Any] = {}
    if conversation.output:
        text["format"] = _format(conversation.output)
    if verbosity := conversation.options.get("verbosity"):
        text["verbosity"] = verbosity
    return {"text": text} if text else {}


def _format(output: OutputFormat) -> dict[str, Any]:
    if output.kind != "json_schema":
        return {"type": output.kind}
    told: dict[str, Any] = {"type": "json_schema", "name": output.name or _UNNAMED_SCHEMA}
    told["schema"] = output.schema if output.schema is not None else {}
    if output.description:
        told["description"] = output.description
    if output.is_strict is not None:
        told["strict"] = output.is_strict
    return told


def _reasoning_fields(conversation: Conversation, losses: Losses) -> dict[str, Any]:
    thinking = conversation.thinking
    told: dict[str, Any] = {}
    if thinking:
        if effort := effort_of(thinking):
            told["effort"] = effort
        is_on = thinking.is_adaptive or thinking.budget_tokens is not None
        # A Messages client is shown what was thought unless it says otherwise, here one must ask.
        if (thinking.summary or is_on) and not thinking.is_hidden:
            told["summary"] = thinking.summary or "auto"
    fields: dict[str, Any] = {"reasoning": told} if told else {}
    # A model that does not think refuses to be asked for it.
    was_sealed = any(
        isinstance(part, Reasoning) and part.seal
        for turn in conversation.turns
        for part in turn.parts
    )
    if was_sealed or (told and told.get("effort") != "none"):
        fields["include"] = ["reasoning.encrypted_content"]
    return fields


def _items(turn: Turn, place: int) -> Iterator[dict[str, Any]]:
    """The items of a turn. ``place`` makes ids where an item must have one: the same history always
    gets the same."""
    if turn.role == "assistant":
        yield from _said(turn.parts, place)
    elif turn.role == "tool":
        for part in turn.parts:
            if isinstance(part, ToolResult):
                yield _result(part)
    elif turn.parts:
        yield {"type": "message", "role": turn.role, "content": _content(turn.parts)}


def _said(parts: Iterable[Part], place: int) -> Iterator[dict[str, Any]]:
    texts: list[Text | Refusal] = []
    for number, part in enumerate(parts):
        if isinstance(part, Text | Refusal):
            texts.append(part)
            continue
        if texts:
            yield _message(texts, f"msg_{place}_{number}")
            texts = []
        if isinstance(part, Reasoning):
            yield from _reasoning(part, f"{place}_{number}")
        elif isinstance(part, ToolCall):
            yield _call(part)
        else:
            raise cannot_hold(part.at, "is said by the assistant and no text", "responses")
    if texts:
        yield _message(texts, f"msg_{place}")


def _message(texts: list[Text | Refusal], item_id: str) -> dict[str, Any]:
    if len(texts) == 1 and isinstance(texts[0], Text):
        return {"type": "message", "role": "assistant", "content": texts[0].text}
    content = [
        {"type": "output_text", "text": part.text, "annotations": [], "logprobs": []}
        if isinstance(part, Text)
        else {"type": "refusal", "refusal": part.text}
        for part in texts
    ]
    return {
        "type": "message",
        "id": item_id,
        "role": "assistant",
        "status": "completed",
        "content": content,
    }


def _reasoning(part: Reasoning, place: str) -> Iterator[dict[str, Any]]:
    if not part.seal and not part.text:
        return
    # Without a seal only servers of open models take it: OpenAI's looks for the id in vain. It
    # is sent all the same: a model that thinks between its calls does worse without its thoughts.
    prefix = REDACTED_PREFIX if part.is_redacted else "rs_"
    item: dict[str, Any] = {"type": "reasoning", "id": part.id or prefix + place}
    summary, texts = part.summary, part.texts
    if part.seal and not part.summary:
        # Its server showed a summary and holds the thoughts themselves in the seal.
        summary, texts = part.texts, ()
    item["summary"] = [{"type": "summary_text", "text": text} for text in summary]
    if texts:
        item["content"] = [{"type": "reasoning_text", "text": text} for text in texts]
    if part.seal:
        item["encrypted_content"] = part.seal
    yield item


def _call(call: ToolCall) -> dict[str, Any]:
    if call.kind == "custom":
        told = {"type": "custom_tool_call", "call_id": call.id, "name": call.name}
        return {**told, "input": call.arguments}
    told = {"type": "function_call", "call_id": call.id, "name": call.name}
    return {**told, "arguments": call.arguments}


def _result(result: ToolResult) -> dict[str, Any]:
    kind = "custom_tool_call_output" if result.kind == "custom" else "function_call_output"
    return {"type": kind, "call_id": result.call_id, "output": _content(result.parts)}


def _content(parts: Iterable[Part]) -> str | list[dict[str, Any]]:
    told = tuple(parts)
    match told:
        case ():
            return ""
        case (Text(text=text, is_cache_point=False),):
            return text
        case _:
            return [_content_part(part) for part in told]


def _content_part(part: Part) -> dict[str, Any]:
    match part:
        case Text() | Refusal():
            told: dict[str, Any] = {"type": "input_text", "text": part.text}
        case Image():
            told = {"type": "input_image", "detail": part.detail or "auto"}
            told |= {"file_id": part.file_id} if part.file_id else {"image_url": part.url}
        case File():
            told = _file(part)
        case _:
            raise cannot_hold(part.at, "is neither text nor image nor file", "responses")
    if isinstance(part, Text | Image | File) and part.is_cache_point:
        told["prompt_cache_breakpoint"] = _EXPLICIT
    return told


def _file(file: File) -> dict[str, Any]:
    if file.file_id:
        return {"type": "input_file", "file_id": file.file_id}
    if file.url:
        return {"type": "input_file", "file_url": file.url}
    data = data_url(media_type_of(file), file.data)
    return {"type": "input_file", "filename": file.name or "document.pdf", "file_data": data}
