"""A Responses request read into a conversation.

Contract: ``read_conversation`` raises ``CallerError`` (400) that names the field for a shape that
is no Responses request, and for what no other dialect could hold: input that only its server has
(``previous_response_id``, ``conversation``, ``prompt``, references to items) must be expanded
before. Items of one side that follow each other are one turn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from strictwire.dialects.losses import held_by_none
from strictwire.dialects.media import split_data_url
from strictwire.dialects.request_options import option_names, read_options
from strictwire.dialects.responses.conversation_tools import read_tool_choice, read_tools
from strictwire.dialects.responses.request import ResponsesRequest
from strictwire.dialects.told_values import (
    decoded,
    list_of,
    maybe_flag,
    maybe_object,
    maybe_text,
    object_of,
    objects_of,
    text_in,
    unknown_kind,
)
from strictwire.model.conversation import (
    Conversation,
    File,
    Image,
    Native,
    OutputFormat,
    Part,
    Reasoning,
    Refusal,
    Role,
    Text,
    Thinking,
    ToolCall,
    ToolKind,
    ToolResult,
    Turn,
)
from strictwire.model.errors import CallerError
from strictwire.model.events import REDACTED_PREFIX

# What is read here, and what the gateway does itself: it keeps responses, and makes them without
# their client.
_STRUCTURE = frozenset(
    (
        "model", "input", "instructions", "stream", "tools", "tool_choice", "parallel_tool_calls",
        "text", "reasoning", "include", "background", "store", "stream_options",
    )
)  # fmt: skip
_ROLES: dict[str, Role] = {
    "system": "system", "developer": "developer", "user": "user", "assistant": "assistant",
}  # fmt: skip
_LOGPROBS = "message.output_text.logprobs"
# They tell what a server did by itself; the answer that came of it stands beside them.
_RECORDS = frozenset(
    (
        "web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call",
        "mcp_list_tools", "mcp_call", "tool_search_call", "tool_search_output", "additional_tools",
        "program", "program_output", "compaction_trigger",
    )
)  # fmt: skip
_TEXTS = ("input_text", "output_text", "text", "summary_text", "reasoning_text")
# Input that only the server has, if it was not expanded.
_KEPT_ELSEWHERE = ("conversation", "prompt")

_Piece = tuple[Role, str, tuple[Part, ...], str]


def read_conversation(request: ResponsesRequest) -> Conversation:
    """The conversation that a Responses request tells."""
    told = decoded(request.fields)
    if told.get("previous_response_id"):
        raise previous_not_found()
    for name in _KEPT_ELSEWHERE:
        if told.get(name):
            raise held_by_none(name, "names what a server keeps", "responses")
    options, taken = read_options(told, "responses")
    if _LOGPROBS in request.include or options.get("top_logprobs"):
        options["logprobs"] = True
    text = told.get("text") or {}
    if text.get("verbosity"):
        options["verbosity"] = text["verbosity"]
    names = option_names("responses") | {
        "output": "text.format",
        "thinking": "reasoning",
        "verbosity": "text.verbosity",
        "logprobs": "include",
    }
    other = {name: told[name] for name in told if name not in taken | _STRUCTURE}
    if set(request.include) - {_LOGPROBS}:
        other["include"] = request.include
    return Conversation(
        turns=tuple(_turns(told)),
        tools=tuple(read_tools(told)),
        tool_choice=read_tool_choice(told.get("tool_choice")),
        calls_in_parallel=told.get("parallel_tool_calls"),
        output=_output(text.get("format")),
        thinking=_thinking(told.get("reasoning")),
        options=options,
        other=other,
        names=names,
    )


def _turns(told: Mapping[str, Any]) -> Iterator[Turn]:
    pieces = [*_instructions(told.get("instructions")), *_items(told.get("input", ()))]
    parts: list[Part] = []
    for place, (role, name, more, at) in enumerate(pieces):
        parts.extend(more)
        following = pieces[place + 1] if place + 1 < len(pieces) else None
        # What the user or the system says stays a turn of its own, item by item.
        if following and following[0] == role and role in ("assistant", "tool"):
            continue
        yield Turn(role, tuple(parts), name, at=at)
        parts = []


def _instructions(told: Any) -> Iterator[_Piece]:
    if isinstance(told, str):
        if told:
            yield "system", "", (Text(told, at="instructions"),), "instructions"
    elif told:
        yield from _items(told, "instructions")


def _items(told: Any, at: str = "input") -> Iterator[_Piece]:
    if isinstance(told, str):
        told = [{"role": "user", "content": told}]
    for item, here in objects_of(list(told), at):
        kind = maybe_text(item, "type", here) or "message"
        if kind == "message":
            role = text_in(item, "role", here)
            if role not in _ROLES:
                raise unknown_kind(f"{here}.role", "role")
            parts = tuple(_content(item.get("content"), f"{here}.content"))
            yield _ROLES[role], "", parts, here
        elif kind in ("function_call_output", "custom_tool_call_output"):
            yield "tool", "", (_result(item, here),), here
        else:
            yield "assistant", "", (_said(kind, item, here),), here


def _said(kind: str, item: dict[str, Any], at: str) -> Part:
    """An item of the assistant's that is no message."""
    match kind:
        case "function_call":
            arguments = maybe_text(item, "arguments", at)
            return _call(item, arguments, at)
        case "custom_tool_call":
            return _call(item, maybe_text(item, "input", at), at, is_custom=True)
        case "reasoning":
            return _reasoning(item, at)
        case "item_reference":
            raise held_by_none(at, "names an item that a server keeps", "responses")
        case _:
            return Native("responses", item, kind in _RECORDS, at=at)


def previous_not_found() -> CallerError:
    """In OpenAI's words and code: clients then send the whole conversation."""
    return CallerError(
        "The response that 'previous_response_id' names is not known here: it was not stored, has "
        "expired or was deleted. Send the whole conversation as 'input'.",
        param="previous_response_id",
        code="previous_response_not_found",
    )


def _call(item: dict[str, Any], arguments: str, at: str, *, is_custom: bool = False) -> ToolCall:
    return ToolCall(
        maybe_text(item, "call_id", at) or maybe_text(item, "id", at),
        text_in(item, "name", at),
        arguments,
        "custom" if is_custom else "function",
        maybe_text(item, "namespace", at),
        at=at,
    )


def _result(item: dict[str, Any], at: str) -> ToolResult:
    output = item.get("output")
    if isinstance(output, dict):
        output = [output]
    parts = tuple(
        part
        for part in _content(output, f"{at}.output")
        if isinstance(part, Text | Image | File | Native)
    )
    is_custom = item.get("type") == "custom_tool_call_output"
    kind: ToolKind = "custom" if is_custom else "function"
    return ToolResult(maybe_text(item, "call_id", at), parts, kind=kind, at=at)


def _reasoning(item: dict[str, Any], at: str) -> Reasoning:
    told_id = maybe_text(item, "id", at)
    return Reasoning(
        _texts(item.get("content"), f"{at}.content"),
        _texts(item.get("summary"), f"{at}.summary"),
        maybe_text(item, "encrypted_content", at),
        told_id,
        told_id.startswith(REDACTED_PREFIX),
        at=at,
    )


def _texts(told: Any, at: str) -> tuple[str, ...]:
    if isinstance(told, str):
        return (told,) if told else ()
    found = (part.text for part in _content(told, at) if isinstance(part, Text))
    return tuple(text for text in found if text)


def _content(told: Any, at: str) -> Iterator[Part]:
    if told is None:
        return
    if isinstance(told, str):
        told = [told]
    for place, part in enumerate(list_of(told, at)):
        here = f"{at}[{place}]"
        if isinstance(part, str):
            part = {"type": "input_text", "text": part}
        read = _part(object_of(part, here), here)
        if read != Text(""):
            yield read


def _part(part: dict[str, Any], at: str) -> Part:
    is_cache_point = bool(part.get("prompt_cache_breakpoint"))
    kind = part.get("type")
    if kind in _TEXTS:
        return Text(text_in(part, "text", at), is_cache_point, at=at)
    if kind == "refusal":
        return Refusal(text_in(part, "refusal", at), at=at)
    if kind == "input_image":
        url, file_id = maybe_text(part, "image_url", at), maybe_text(part, "file_id", at)
        detail = maybe_text(part, "detail", at)
        return Image(url, file_id, detail, is_cache_point, at=at)
    if kind == "input_file":
        data = maybe_text(part, "file_data", at)
        media_type, base64 = split_data_url(data) or ("", data)
        return File(
            base64,
            media_type,
            maybe_text(part, "filename", at),
            maybe_text(part, "file_url", at),
            maybe_text(part, "file_id", at),
            is_cache_point,
            at=at,
        )
    return Native("responses", part, at=at)


def _output(told: Any) -> OutputFormat | None:
    at = "text.format"
    if told is None:
        return None
    match object_of(told, at).get("type"):
        case "text":
            return OutputFormat("text", at=at)
        case "json_object":
            return OutputFormat("json_object", at=at)
        case "json_schema":
            return OutputFormat(
                "json_schema",
                maybe_text(told, "name", at),
                maybe_object(told, "schema", at),
                maybe_text(told, "description", at),
                maybe_flag(told, "strict", at),
                at=at,
            )
        case _:
            raise unknown_kind(f"{at}.type", "format")


def _thinking(told: dict[str, Any] | None) -> Thinking | None:
    if not told:
        return None
    summary = maybe_text(told, "summary", "reasoning")
    effort = maybe_text(told, "effort", "reasoning")
    return Thinking(effort, summary=summary, at="reasoning") if effort or summary else None
