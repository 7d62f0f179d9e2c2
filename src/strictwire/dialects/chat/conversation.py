"""A chat request read into a conversation.

Contract: ``read_conversation`` raises ``CallerError`` (400) that names the field for a shape that
is no chat request, and for what no other dialect could hold. It decides nothing else: what another
dialect cannot say is that dialect's to drop or refuse.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from strictwire.dialects.chat.request import ChatRequest
from strictwire.dialects.losses import held_by_none
from strictwire.dialects.media import split_data_url
from strictwire.dialects.request_options import read_options
from strictwire.dialects.told_values import (
    decoded,
    list_of,
    maybe_flag,
    maybe_object,
    maybe_text,
    object_in,
    object_of,
    objects_of,
    text_in,
    text_of,
    unknown_kind,
)
from strictwire.model.conversation import (
    GRAMMAR_FIELDS,
    Audio,
    Conversation,
    File,
    HostedTool,
    Image,
    Native,
    OutputFormat,
    Part,
    Reasoning,
    Refusal,
    Role,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolName,
    ToolResult,
    Turn,
)
from strictwire.model.errors import CallerError
from strictwire.model.events import REDACTED_PREFIX

_STRUCTURE = frozenset(
    (
        "model", "messages", "stream", "stream_options", "n", "tools", "tool_choice",
        "parallel_tool_calls", "response_format", "reasoning_effort", "max_completion_tokens",
        "functions", "function_call", "modalities", "audio",
    )
)  # fmt: skip
_ROLES: dict[str, Role] = {
    "system": "system", "developer": "developer", "user": "user", "assistant": "assistant",
}  # fmt: skip


def read_conversation(request: ChatRequest) -> Conversation:
    """The conversation that a chat request tells."""
    told = decoded(request.fields)
    _refuse_what_only_chat_holds(told)
    options, taken = read_options(told, "chat")
    names = {"output": "response_format", "thinking": "reasoning_effort"}
    if "max_completion_tokens" in told:
        options["max_tokens"] = told["max_completion_tokens"]
        names["max_tokens"] = "max_completion_tokens"
    if "top_logprobs" in options and "logprobs" not in options:
        del options["top_logprobs"]  # without the other it asks for nothing
    effort = told.get("reasoning_effort")
    return Conversation(
        turns=tuple(_turn(*one) for one in objects_of(told["messages"], "messages")),
        tools=tuple(_tool(*one) for one in objects_of(told.get("tools", []), "tools")),
        tool_choice=_tool_choice(told.get("tool_choice")),
        calls_in_parallel=told.get("parallel_tool_calls"),
        output=_output(told.get("response_format")),
        thinking=Thinking(text_of(effort, "reasoning_effort")) if effort else None,
        options=options,
        other={name: told[name] for name in told if name not in taken | _STRUCTURE},
        names=names,
    )


def _refuse_what_only_chat_holds(told: Mapping[str, Any]) -> None:
    if told.get("functions"):
        raise CallerError(
            "'functions' cannot be said in the API of this model's server. Send them as 'tools'.",
            param="functions",
            code="unsupported_parameter",
        )
    if "audio" in list_of(told.get("modalities", []), "modalities"):
        raise held_by_none("modalities", "asks for audio", "chat")


def _turn(message: dict[str, Any], at: str) -> Turn:
    role = text_in(message, "role", at)
    content = f"{at}.content"
    if role in ("tool", "function"):
        name = "tool_call_id" if role == "tool" else "name"
        parts = tuple(
            part
            for part in _parts(message.get("content"), content)
            if isinstance(part, Text | Image | File | Native)
        )
        return Turn("tool", (ToolResult(text_in(message, name, at), parts, at=at),), at=at)
    if role not in _ROLES:
        raise unknown_kind(f"{at}.role", "role")
    told = tuple(_parts(message.get("content"), content))
    if role == "assistant":
        told = (*_reasoning(message, at), *told, *_said_beside(message, at))
    return Turn(_ROLES[role], told, maybe_text(message, "name", at), at=at)


def _parts(content: Any, at: str) -> Iterator[Part]:
    if content is None:
        return
    if isinstance(content, str):
        content = [content]
    for place, part in enumerate(list_of(content, at)):
        here = f"{at}[{place}]" if len(content) > 1 else at
        if isinstance(part, str):
            part = {"type": "text", "text": part}
        read = _part(object_of(part, here), here)
        if read != Text(""):
            yield read


def _part(part: dict[str, Any], at: str) -> Part:
    is_cache_point = bool(part.get("prompt_cache_breakpoint") or part.get("cache_control"))
    match part.get("type"):
        case "text":
            return Text(text_in(part, "text", at), is_cache_point, at=at)
        case "refusal":
            return Refusal(text_in(part, "refusal", at), at=at)
        case "image_url":
            told = part.get("image_url")
            image = {"url": told} if isinstance(told, str) else object_of(told, f"{at}.image_url")
            url, detail = text_in(image, "url", at), maybe_text(image, "detail", at)
            return Image(url, detail=detail, is_cache_point=is_cache_point, at=at)
        case "input_audio":
            told = object_in(part, "input_audio", at)
            return Audio(text_in(told, "data", at), text_in(told, "format", at), at=at)
        case "file":
            return _file(object_in(part, "file", at), is_cache_point, at)
        case _:
            return Native("chat", part, at=at)


def _file(told: dict[str, Any], is_cache_point: bool, at: str) -> File:
    data = maybe_text(told, "file_data", at)
    media_type, base64 = split_data_url(data) or ("", data)
    return File(
        base64,
        media_type,
        maybe_text(told, "filename", at),
        file_id=maybe_text(told, "file_id", at),
        is_cache_point=is_cache_point,
        at=at,
    )


def _reasoning(message: dict[str, Any], at: str) -> Iterator[Reasoning]:
    """What was thought, in one of its spellings. A seal belongs to the text that stands beside
    it; further seals, and those of redacted reasoning, stand for themselves."""
    text = maybe_text(message, "reasoning_content", at) or maybe_text(message, "reasoning", at)
    seals: list[tuple[str, str]] = []
    redacted: list[tuple[str, str]] = []
    for detail, here in objects_of(message.get("reasoning_details") or [], f"{at}.details"):
        seal = maybe_text(detail, "data", here) or maybe_text(detail, "signature", here)
        told_id = maybe_text(detail, "id", here)
        if seal:
            (redacted if told_id.startswith(REDACTED_PREFIX) else seals).append((seal, told_id))
    first, *more = seals or [("", "")]
    if text or first[0]:
        yield Reasoning((text,) if text else (), seal=first[0], id=first[1], at=at)
    for seal, told_id in more:
        yield Reasoning(seal=seal, id=told_id, at=at)
    for seal, told_id in redacted:
        yield Reasoning(seal=seal, id=told_id, is_redacted=True, at=at)


def _said_beside(message: dict[str, Any], at: str) -> Iterator[Part]:
    """What an assistant's message tells in fields of its own."""
    if refusal := maybe_text(message, "refusal", at):
        yield Refusal(refusal, at=f"{at}.refusal")
    if message.get("audio"):
        raise held_by_none(f"{at}.audio", "names audio that a server keeps", "chat")
    for call, here in objects_of(message.get("tool_calls") or [], f"{at}.tool_calls"):
        kind = "custom" if call.get("type") == "custom" else "function"
        body, inside = object_in(call, kind, here), f"{here}.{kind}"
        yield ToolCall(
            maybe_text(call, "id", here),
            text_in(body, "name", inside),
            maybe_text(body, "input" if kind == "custom" else "arguments", inside),
            "custom" if kind == "custom" else "function",
            at=here,
        )
    legacy = maybe_object(message, "function_call", at)
    if legacy:
        # Its result names the function, since it has no id.
        name = text_in(legacy, "name", f"{at}.function_call")
        arguments = maybe_text(legacy, "arguments", f"{at}.function_call")
        yield ToolCall(name, name, arguments, at=f"{at}.function_call")


def _tool(tool: dict[str, Any], at: str) -> Tool | HostedTool:
    kind = tool.get("type", "function")
    if kind not in ("function", "custom"):
        return HostedTool("chat", tool, at=at)
    told, inside = object_in(tool, kind, at), f"{at}.{kind}"
    name, description = text_in(told, "name", inside), maybe_text(told, "description", inside)
    if kind == "custom":
        grammar = _grammar(told, inside)
        return Tool(name, description, kind="custom", format=grammar, at=at)
    return Tool(
        name,
        description,
        maybe_object(told, "parameters", inside),
        maybe_flag(told, "strict", inside),
        at=at,
    )


def _grammar(told: dict[str, Any], at: str) -> dict[str, str] | None:
    here = f"{at}.format"
    grammar = maybe_object(maybe_object(told, "format", at) or {}, "grammar", here)
    if grammar is None:
        return None
    return {name: maybe_text(grammar, name, f"{here}.grammar") for name in GRAMMAR_FIELDS}


def _tool_choice(told: Any) -> ToolChoice | None:
    at = "tool_choice"
    if told in (None, "auto", "none", "required"):
        return ToolChoice(told, at=at) if told else None
    choice = object_of(told, at)
    match choice.get("type"):
        case "function" | "custom" as kind:
            name = text_in(object_in(choice, kind, at), "name", f"{at}.{kind}")
            return ToolChoice("named", ToolName(name, kind), at=at)
        case "allowed_tools":
            allowed = object_in(choice, "allowed_tools", at)
            mode = "required" if allowed.get("mode") == "required" else "auto"
            names = tuple(_tool_name(*one) for one in objects_of(allowed.get("tools"), at))
            return ToolChoice("required" if mode == "required" else "auto", allowed=names, at=at)
        case _:
            raise unknown_kind(at, "choice of tools")


def _tool_name(told: dict[str, Any], at: str) -> ToolName:
    kind = "custom" if told.get("type") == "custom" else "function"
    name = text_in(object_in(told, kind, at), "name", f"{at}.{kind}")
    return ToolName(name, "custom" if kind == "custom" else "function")


def _output(told: Any) -> OutputFormat | None:
    at = "response_format"
    if told is None:
        return None
    match object_of(told, at).get("type"):
        case "text":
            return OutputFormat("text", at=at)
        case "json_object":
            return OutputFormat("json_object", at=at)
        case "json_schema":
            schema = object_in(told, "json_schema", at)
            return OutputFormat(
                "json_schema",
                maybe_text(schema, "name", at),
                maybe_object(schema, "schema", at),
                maybe_text(schema, "description", at),
                maybe_flag(schema, "strict", at),
                at=at,
            )
        case _:
            raise unknown_kind(f"{at}.type", "format")
