"""What a caller may say of one question: typed keyword arguments -> ``Question``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypedDict, get_args

from strictwire.client.question import ClientDialect, Question

Messages = Sequence[Mapping[str, Any]]
DialectChoice = ClientDialect | Literal["auto"]
_DIALECTS: tuple[str, ...] = get_args(ClientDialect)


class Fields(TypedDict, total=False):
    """Fields of a chat request, which every dialect is asked with. Others go in ``extra``."""

    temperature: float
    top_p: float
    max_tokens: int
    stop: str | list[str]
    seed: int
    tool_choice: str | Mapping[str, Any]
    parallel_tool_calls: bool
    response_format: Mapping[str, Any]
    reasoning_effort: str
    logprobs: bool
    top_logprobs: int


class Asked(Fields, total=False):
    """One question: ``input`` (a text), ``messages`` (in chat's shape) or ``body`` (a whole request
    in the dialect's own names; no fields beside it). ``extra`` goes into the request on top,
    unread. ``progress``: how far the prompt is read is wanted too, where the server tells it."""

    input: str
    messages: Messages
    body: Mapping[str, Any]
    instructions: str
    tools: Iterable[Mapping[str, Any]]
    dialect: DialectChoice
    progress: bool
    extra: Mapping[str, Any]


_FIELDS = frozenset(Fields.__annotations__)
_ASKED = frozenset(Asked.__annotations__)


def question_of(
    model: str, asked: Asked, *, is_stream: bool, dialect: DialectChoice = "chat"
) -> Question:
    """``dialect`` holds where ``asked`` names none. Raises TypeError and ValueError."""
    unknown = sorted(asked.keys() - _ASKED)
    if unknown:
        raise TypeError(f"unknown argument {unknown[0]!r}; fields of other servers go in 'extra'")
    chosen = asked.get("dialect", dialect)
    checked = checked_dialect(chosen)
    body = asked.get("body")
    if body is not None and checked is None:
        raise ValueError("a body is written in one dialect: name it")
    return Question(
        model=model,
        fields=_in_chat(asked) if body is None else _native(body, asked),
        extra=dict(asked.get("extra", {})),
        dialect=checked,
        is_native=body is not None,
        is_stream=is_stream,
        hears_progress=asked.get("progress", False),
    )


def checked_dialect(dialect: DialectChoice) -> ClientDialect | None:
    """The dialect, None for "auto"."""
    if dialect == "auto":
        return None
    if dialect not in _DIALECTS:
        raise ValueError(f"dialect must be one of {', '.join(_DIALECTS)} or auto")
    return dialect


def _native(body: Mapping[str, Any], asked: Asked) -> dict[str, Any]:
    beside = sorted((_FIELDS | {"input", "messages", "instructions", "tools"}) & asked.keys())
    if beside:
        raise ValueError(f"{beside[0]} belongs into the body that was given")
    return dict(body)


def _in_chat(asked: Asked) -> dict[str, Any]:
    if ("input" in asked) == ("messages" in asked):
        raise ValueError("give input (a text) or messages, and not both")
    messages = [*asked.get("messages", ())]
    if "input" in asked:
        messages = [{"role": "user", "content": asked["input"]}]
    if not messages:
        raise ValueError("messages must hold at least one message")
    if "instructions" in asked:
        messages = [{"role": "system", "content": asked["instructions"]}, *messages]
    fields: dict[str, Any] = {name: asked[name] for name in asked if name in _FIELDS}  # type: ignore[literal-required]
    tools = [_whole_tool(tool) for tool in asked.get("tools", ())]
    return {"messages": messages, **fields} | ({"tools": tools} if tools else {})


def _whole_tool(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    """A tool in chat's shape; it may be given as the bare function."""
    is_bare = "type" not in tool and "name" in tool
    return {"type": "function", "function": {**tool}} if is_bare else tool
