"""A conversation written as a request to Ollama's own API.

Contract: ``write_conversation`` returns the fields of the body but ``model`` and ``stream``. It
raises ``CallerError`` (400) for what this API has no word for and would be missed: a call that must
be made, an image behind a URL. Namespaces and custom tools are folded before (``folding``).
Source: Ollama's API documentation, "Generate a chat completion" and "Modelfile", "PARAMETER".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from strictwire.dialects.efforts import effort_of
from strictwire.dialects.losses import Losses, cannot_hold
from strictwire.dialects.ollama.message_parts import arguments_of, content_of
from strictwire.dialects.request_options import write_options
from strictwire.model.conversation import (
    Conversation,
    OutputFormat,
    Part,
    Reasoning,
    Refusal,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
)

_SYSTEM = ("system", "developer")
_BLANK_LINE = "\n\n"
_NO_PARAMETERS: Mapping[str, Any] = {"type": "object", "properties": {}}
# These stand at the top; all other options in an object of their own.
_AT_TOP = ("logprobs", "top_logprobs")
# What local servers take over chat, and how it is called among Ollama's options.
_VENDOR_OPTIONS: Mapping[str, str] = {
    "min_p": "min_p",
    "typical_p": "typical_p",
    "tfs_z": "tfs_z",
    "repeat_penalty": "repeat_penalty",
    "repetition_penalty": "repeat_penalty",
    "repeat_last_n": "repeat_last_n",
    "mirostat": "mirostat",
    "mirostat_tau": "mirostat_tau",
    "mirostat_eta": "mirostat_eta",
}
# The words that every version knows; harder than the hardest is as hard as that.
_LEVELS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high"}
_HARDEST = "high"


def write_conversation(conversation: Conversation, losses: Losses) -> dict[str, Any]:
    """The fields of a request that asks the same. Raises CallerError 400 for what Ollama cannot
    hold."""
    fields: dict[str, Any] = {"messages": list(_messages(conversation.turns, losses))}
    fields |= _tool_fields(conversation, losses)
    output = conversation.output
    if output and output.kind != "text":
        fields["format"] = _format(output)
    thinking = conversation.thinking
    if thinking:
        fields["think"] = _think(thinking)
        if thinking.summary or thinking.is_hidden:
            losses.drop(f"{conversation.named('thinking')}.summary")
    told = write_options(conversation, "ollama", losses)
    fields |= {name: told.pop(name) for name in _AT_TOP if name in told}
    return fields | _other(conversation, told, losses)


def _other(conversation: Conversation, told: Mapping[str, Any], losses: Losses) -> dict[str, Any]:
    """The options, and what a client of Ollama's chat sends beside OpenAI's fields. What it says in
    Ollama's own words is its last word."""
    fields: dict[str, Any] = {}
    options: dict[str, Any] = dict(told)
    own: Mapping[str, Any] = {}
    for name, value in conversation.other.items():
        if name == "keep_alive":
            fields[name] = value
        elif name == "options" and isinstance(value, dict):
            own = value
        elif name in _VENDOR_OPTIONS:
            options[_VENDOR_OPTIONS[name]] = value
        else:
            losses.drop(name)
    options |= own
    return fields | ({"options": options} if options else {})


def _messages(turns: tuple[Turn, ...], losses: Losses) -> Iterator[dict[str, Any]]:
    begin = next((place for place, one in enumerate(turns) if one.role not in _SYSTEM), len(turns))
    if begin:
        # Templates of many models refuse a second system message.
        told = (content_of(turn, losses)["content"] for turn in turns[:begin])
        yield {"role": "system", "content": _BLANK_LINE.join(filter(None, told))}
    names: dict[str, str] = {}
    for turn in turns[begin:]:
        if turn.name:
            losses.drop("messages.name")
        if turn.role == "tool":
            yield from _results(turn.parts, names, losses)
        elif turn.role == "assistant":
            names |= {part.id: part.name for part in turn.parts if isinstance(part, ToolCall)}
            yield _assistant(turn, losses)
        else:
            role = "user" if turn.role == "user" else "system"
            yield {"role": role, **content_of(turn, losses)}


def _assistant(turn: Turn, losses: Losses) -> dict[str, Any]:
    said = tuple(part for part in turn.parts if isinstance(part, Text | Refusal))
    thoughts = [part for part in turn.parts if isinstance(part, Reasoning)]
    calls = [part for part in turn.parts if isinstance(part, ToolCall)]
    for part in turn.parts:
        if not isinstance(part, Text | Refusal | Reasoning | ToolCall):
            raise cannot_hold(part.at, "stands in the model's own turn", "ollama")
    message = {"role": "assistant", **content_of(Turn("assistant", said, at=turn.at), losses)}
    if text := _BLANK_LINE.join(one.text for one in thoughts if one.text):
        message["thinking"] = text
    if any(one.seal for one in thoughts):
        losses.drop("messages.reasoning")  # its server knows the seal, and no other
    if calls:
        message["tool_calls"] = [_call(place, call) for place, call in enumerate(calls)]
    return message


def _call(place: int, call: ToolCall) -> dict[str, Any]:
    function = {"index": place, "name": call.name, "arguments": arguments_of(call.arguments)}
    return {"id": call.id, "function": function}


def _results(
    results: Iterable[Part], names: Mapping[str, str], losses: Losses
) -> Iterator[dict[str, Any]]:
    """The results, each a message of its own. Newer servers read which call it answers, older ones
    which tool it is of."""
    for result in results:
        if isinstance(result, ToolResult):
            told = content_of(Turn("tool", result.parts, at=result.at), losses)
            name = names.get(result.call_id, "")
            yield {"role": "tool", **told, "tool_name": name, "tool_call_id": result.call_id}


def _tool_fields(conversation: Conversation, losses: Losses) -> dict[str, Any]:
    tools = [_tool(tool) for tool in conversation.tools if isinstance(tool, Tool)]
    choice = conversation.tool_choice
    if choice and choice.mode in ("required", "named"):
        raise cannot_hold(choice.at, "forces a call", "ollama", "Let the model choose")
    if choice and choice.mode == "none":
        return {}
    if tools and conversation.calls_in_parallel is False:
        losses.drop("parallel_tool_calls")
    return {"tools": tools} if tools else {}


def _tool(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name, "description": tool.description}
    function["parameters"] = {**_NO_PARAMETERS, **(tool.parameters or {})}
    return {"type": "function", "function": function}


def _format(output: OutputFormat) -> str | Mapping[str, Any]:
    return "json" if output.schema is None else output.schema


def _think(thinking: Thinking) -> bool | str:
    effort = effort_of(thinking)
    if not effort:
        return True
    return False if effort == "none" else _LEVELS.get(effort, _HARDEST)
