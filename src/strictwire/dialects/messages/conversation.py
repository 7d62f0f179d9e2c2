"""A Messages request read into a conversation.

Contract: ``read_conversation`` raises ``CallerError`` (400) that names the field for a shape that
is no Messages request, and for files that only its server keeps. A user's message that begins with
tool results becomes two turns. Thinking without a signature is kept: other dialects can hold it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from strictwire.dialects.losses import held_by_none
from strictwire.dialects.media import data_url, document
from strictwire.dialects.messages.request import MessagesRequest
from strictwire.dialects.request_options import option_names, read_options
from strictwire.dialects.told_values import (
    decoded,
    maybe_flag,
    maybe_object,
    maybe_text,
    object_in,
    objects_of,
    text_in,
    text_of,
    unknown_kind,
    wrong_type,
)
from strictwire.model.conversation import (
    Conversation,
    File,
    HostedTool,
    Image,
    Native,
    OutputFormat,
    Part,
    Reasoning,
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

_STRUCTURE = frozenset(
    (
        "model", "messages", "system", "stream", "tools", "tool_choice", "thinking",
        "output_config", "metadata",
    )
)  # fmt: skip
_ROLES: dict[str, Role] = {"system": "system", "user": "user", "assistant": "assistant"}
# They tell what a server did by itself; the answer that came of it stands beside them.
_RECORDS = frozenset(
    (
        "server_tool_use", "web_search_tool_result", "web_fetch_tool_result",
        "code_execution_tool_result", "bash_code_execution_tool_result",
        "text_editor_code_execution_tool_result", "tool_search_tool_result", "mcp_tool_use",
        "mcp_tool_result", "tool_reference", "fallback",
    )
)  # fmt: skip
# Claude Code's note for Anthropic's books, a block of the system prompt. It differs from run
# to run, so that no other server could find anything behind it in its prompt cache.
_BILLING = "x-anthropic-billing-header"
_SERVICE_TIERS = {"standard_only": "default"}


def read_conversation(request: MessagesRequest) -> Conversation:
    """The conversation that a Messages request tells."""
    told = decoded(request.fields)
    options, taken = read_options(told, "messages")
    if "service_tier" in options:
        tier = text_of(options["service_tier"], "service_tier")
        options["service_tier"] = _SERVICE_TIERS.get(tier, tier)
    user = (told.get("metadata") or {}).get("user_id")
    if isinstance(user, str):
        options["user"] = user
    config = told.get("output_config") or {}
    choice = maybe_object(told, "tool_choice", "tool_choice")
    other = {name: told[name] for name in told if name not in taken | _STRUCTURE}
    system = tuple(_system(told.get("system"), other))
    names = {"output": "output_config.format", "user": "metadata.user_id", "thinking": "thinking"}
    return Conversation(
        turns=(*system, *_turns(told["messages"])),
        tools=tuple(_tool(*one) for one in objects_of(told.get("tools", []), "tools")),
        tool_choice=_tool_choice(choice),
        calls_in_parallel=False if (choice or {}).get("disable_parallel_tool_use") else None,
        output=_output(config.get("format")),
        thinking=_thinking(told.get("thinking"), maybe_text(config, "effort", "output_config")),
        options=options,
        other=other,
        names=option_names("messages") | names,
    )


def _system(told: Any, other: dict[str, Any]) -> Iterator[Turn]:
    """Each block is a turn: the parts of a system prompt stay apart as far as a target can."""
    for part in _blocks(told, "system"):
        if isinstance(part, Text) and part.text.startswith(_BILLING):
            other[f"system.{_BILLING}"] = part.text
            continue
        yield Turn("system", (part,), at=part.at)


def _turns(told: Any) -> Iterator[Turn]:
    for message, at in objects_of(told, "messages"):
        role = text_in(message, "role", at)
        if role not in _ROLES:
            raise unknown_kind(f"{at}.role", "role")
        results: list[Part] = []
        others: list[Part] = []
        for part in _blocks(message.get("content"), f"{at}.content"):
            (results if isinstance(part, ToolResult) else others).append(part)
        if results:
            yield Turn("tool", tuple(results), at=at)
        if others or not results:
            yield Turn(_ROLES[role], tuple(others), at=at)


def _blocks(told: Any, at: str) -> Iterator[Part]:
    if told is None:
        return
    if isinstance(told, str):
        if told:
            yield Text(told, at=at)
        return
    cited: list[Text] = []
    for block, here in objects_of(told, at):
        part = _block(block, here)
        if isinstance(part, Text) and "citations" in block:
            # One text, cut where its sources change.
            cited.append(part)
            continue
        yield from _joined(cited)
        cited = []
        if part is not None and part != Text(""):
            yield part
    yield from _joined(cited)


def _joined(cited: list[Text]) -> Iterator[Text]:
    if cited:
        yield Text("".join(part.text for part in cited), at=cited[0].at)


def _block(block: dict[str, Any], at: str) -> Part | None:
    is_cache_point = bool(block.get("cache_control"))
    match maybe_text(block, "type", at):
        case "text":
            return Text(text_in(block, "text", at), is_cache_point, at=at)
        case "image":
            return _image(object_in(block, "source", at), is_cache_point, at)
        case "document":
            return _document(block, is_cache_point, at)
        case "search_result":
            text = _joined_text(block.get("content"), f"{at}.content")
            return Text(document(text, maybe_text(block, "title", at)), is_cache_point, at=at)
        case "tool_use":
            return _call(block, at)
        case "tool_result":
            return _result(block, at)
        case "thinking":
            text = maybe_text(block, "thinking", at)
            seal = maybe_text(block, "signature", at)
            return Reasoning((text,) if text else (), seal=seal, at=at) if text or seal else None
        case "redacted_thinking":
            return Reasoning(seal=text_in(block, "data", at), is_redacted=True, at=at)
        case kind:
            return Native("messages", block, kind in _RECORDS, at=at)


def _call(block: dict[str, Any], at: str) -> ToolCall:
    arguments = msgspec.json.encode(block.get("input") or {}).decode()
    return ToolCall(text_in(block, "id", at), text_in(block, "name", at), arguments, at=at)


def _result(block: dict[str, Any], at: str) -> ToolResult:
    parts = tuple(
        part
        for part in _blocks(block.get("content"), f"{at}.content")
        if isinstance(part, Text | Image | File | Native)
    )
    is_error = bool(maybe_flag(block, "is_error", at))
    return ToolResult(text_in(block, "tool_use_id", at), parts, is_error, at=at)


def _image(source: dict[str, Any], is_cache_point: bool, at: str) -> Image:
    match source.get("type"):
        case "base64":
            media_type = text_in(source, "media_type", f"{at}.source")
            url = data_url(media_type, text_in(source, "data", f"{at}.source"))
        case "url":
            url = text_in(source, "url", f"{at}.source")
        case "file":
            raise held_by_none(f"{at}.source", "names a file that a server keeps", "messages")
        case _:
            raise unknown_kind(f"{at}.source.type", "source of an image")
    return Image(url, is_cache_point=is_cache_point, at=at)


def _document(block: dict[str, Any], is_cache_point: bool, at: str) -> File | Text:
    """Documents that are text become the user's text: every dialect can hold that."""
    source, here = object_in(block, "source", at), f"{at}.source"
    title = maybe_text(block, "title", at)
    match source.get("type"):
        case "base64":
            media_type = maybe_text(source, "media_type", here)
            data = text_in(source, "data", here)
            return File(data, media_type, title, is_cache_point=is_cache_point, at=at)
        case "url":
            url = text_in(source, "url", here)
            return File(url=url, name=title, is_cache_point=is_cache_point, at=at)
        case "text":
            text = text_in(source, "data", here)
        case "content":
            text = _joined_text(source.get("content"), f"{here}.content")
        case "file":
            raise held_by_none(here, "names a file that a server keeps", "messages")
        case _:
            raise unknown_kind(f"{here}.type", "source of a document")
    return Text(document(text, title), is_cache_point, at=at)


def _joined_text(told: Any, at: str) -> str:
    texts = []
    for part in _blocks(told, at):
        if not isinstance(part, Text):
            raise wrong_type(at, "texts alone")
        texts.append(part.text)
    return "\n\n".join(texts)


def _tool(tool: dict[str, Any], at: str) -> Tool | HostedTool:
    if tool.get("type", "custom") not in ("custom", None):
        return HostedTool("messages", tool, at=at)
    return Tool(
        text_in(tool, "name", at),
        maybe_text(tool, "description", at),
        maybe_object(tool, "input_schema", at),
        maybe_flag(tool, "strict", at),
        at=at,
    )


def _tool_choice(told: Mapping[str, Any] | None) -> ToolChoice | None:
    at = "tool_choice"
    if told is None:
        return None
    match told.get("type"):
        case "auto":
            return ToolChoice("auto", at=at)
        case "any":
            return ToolChoice("required", at=at)
        case "none":
            return ToolChoice("none", at=at)
        case "tool":
            return ToolChoice("named", ToolName(text_in(told, "name", at)), at=at)
        case _:
            raise unknown_kind(f"{at}.type", "choice of tools")


def _output(told: Any) -> OutputFormat | None:
    at = "output_config.format"
    if told is None:
        return None
    if not isinstance(told, dict) or told.get("type") != "json_schema":
        raise unknown_kind(f"{at}.type", "format")
    # Here a schema is always kept to.
    return OutputFormat("json_schema", schema=object_in(told, "schema", at), is_strict=True, at=at)


def _thinking(told: dict[str, Any] | None, effort: str) -> Thinking | None:
    if not told:
        return Thinking(effort, at="output_config.effort") if effort else None
    at = "thinking"
    is_hidden = told.get("display") == "omitted"
    match told.get("type"):
        case "disabled":
            return Thinking("none", at=at)
        case "enabled":
            budget = told.get("budget_tokens")
            if not isinstance(budget, int):
                raise wrong_type(f"{at}.budget_tokens", "an integer")
            return Thinking(effort, budget, is_hidden=is_hidden, at=at)
        case _:
            # "adaptive", and what is like it: the model decides.
            return Thinking(effort, is_adaptive=True, is_hidden=is_hidden, at=at)
