"""The neutral request: what is asked of a model, in no dialect's words.

Every dialect's request is read into a ``Conversation`` and written from one. Contract: frozen data;
nothing here knows a dialect's field names. ``at`` says where in the client's request something
stood ("messages[2].content[0]"), for errors; it takes no part in equality. Texts, arguments and
seals are never altered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from strictwire.model.request import Dialect

# What a custom tool's grammar tells.
GRAMMAR_FIELDS = ("syntax", "definition")

Role = Literal["system", "developer", "user", "assistant", "tool"]
ToolKind = Literal["function", "custom"]
ChoiceMode = Literal["auto", "none", "required", "named"]
OutputKind = Literal["text", "json_object", "json_schema"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Placed:
    at: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Text(_Placed):
    """``is_cache_point``: the client wants what is before it, and it, cached by the server. Images
    and files have it too."""

    text: str
    is_cache_point: bool = False


@dataclass(frozen=True, slots=True)
class Image(_Placed):
    """``url`` may be a data URL. ``file_id`` names a file that the upstream keeps. ``detail`` is
    OpenAI's word for how closely to look."""

    url: str = ""
    file_id: str = ""
    detail: str = ""
    is_cache_point: bool = False


@dataclass(frozen=True, slots=True)
class File(_Placed):
    """A document: its bytes as base64 in ``data``, or where it is. ``media_type`` is empty where
    nobody said."""

    data: str = field(default="", repr=False)
    media_type: str = ""
    name: str = ""
    url: str = ""
    file_id: str = ""
    is_cache_point: bool = False


@dataclass(frozen=True, slots=True)
class Audio(_Placed):
    """``data`` is base64, ``format`` a short name ("wav")."""

    data: str = field(repr=False)
    format: str


@dataclass(frozen=True, slots=True)
class Refusal(_Placed):
    text: str


@dataclass(frozen=True, slots=True)
class Reasoning(_Placed):
    """What a model thought in an earlier turn. ``seal`` is what its server wants given back with it
    (Anthropic's ``signature``, OpenAI's ``encrypted_content``); ``is_redacted``: the seal is all
    there is."""

    texts: tuple[str, ...] = ()
    summary: tuple[str, ...] = ()
    seal: str = ""
    id: str = ""
    is_redacted: bool = False

    @property
    def text(self) -> str:
        """All that can be read of it."""
        return "\n\n".join((*self.summary, *self.texts))


@dataclass(frozen=True, slots=True)
class ToolCall(_Placed):
    """``arguments`` is the text that the model wrote: JSON of a function, anything of a custom
    tool."""

    id: str
    name: str
    arguments: str
    kind: ToolKind = "function"
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class ToolResult(_Placed):
    call_id: str
    parts: tuple[Text | Image | File | Native, ...] = ()
    is_error: bool = False
    kind: ToolKind = "function"


@dataclass(frozen=True, slots=True)
class Native(_Placed):
    """What only its own dialect can say. ``is_record``: it tells what a server did by itself (a web
    search, say), so that the conversation is one without it."""

    dialect: Dialect
    value: Mapping[str, Any] = field(repr=False)
    is_record: bool = False

    @property
    def kind(self) -> str:
        told = self.value.get("type")
        return told if isinstance(told, str) else ""


Part = Text | Image | File | Audio | Refusal | Reasoning | ToolCall | ToolResult | Native


@dataclass(frozen=True, slots=True)
class Turn(_Placed):
    """A turn of role "tool" holds results alone. ``name`` tells participants of one role apart."""

    role: Role
    parts: tuple[Part, ...] = ()
    name: str = ""


@dataclass(frozen=True, slots=True)
class Tool(_Placed):
    """A tool that the client runs. ``parameters`` is a function's JSON schema, ``format`` a custom
    tool's grammar ``{"syntax", "definition"}``; each is None where nothing was said.
    ``namespace_description`` is told of the first tool of a namespace."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] | None = None
    is_strict: bool | None = None
    kind: ToolKind = "function"
    format: Mapping[str, str] | None = None
    namespace: str = ""
    namespace_description: str = ""


@dataclass(frozen=True, slots=True)
class HostedTool(_Placed):
    """A tool of the server's own (a web search, say), as its dialect has it."""

    dialect: Dialect
    value: Mapping[str, Any]

    @property
    def kind(self) -> str:
        told = self.value.get("type")
        return told if isinstance(told, str) else ""


@dataclass(frozen=True, slots=True)
class ToolName:
    name: str
    kind: ToolKind = "function"
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class ToolChoice(_Placed):
    """``named`` is the tool that must be called. ``allowed`` are those that may be called, None for
    all of them. ``hosted`` is the kind of a hosted tool that must be called."""

    mode: ChoiceMode
    named: ToolName | None = None
    allowed: tuple[ToolName, ...] | None = None
    hosted: str = ""


@dataclass(frozen=True, slots=True)
class OutputFormat(_Placed):
    kind: OutputKind
    name: str = ""
    schema: Mapping[str, Any] | None = None
    description: str = ""
    is_strict: bool | None = None


@dataclass(frozen=True, slots=True)
class Thinking(_Placed):
    """How hard to think: a word, or a bound in tokens, or neither (``is_adaptive``: the model
    decides). Effort "none": not at all. ``summary`` is which summary of it is wished, ``is_hidden``
    that none is."""

    effort: str = ""
    budget_tokens: int | None = None
    is_adaptive: bool = False
    summary: str = ""
    is_hidden: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """``options`` are the plain values that several dialects share, under chat's names: limits,
    sampling, log probabilities, stop texts (always a list, "stop"), and for whom and where.
    ``other`` is what no dialect but its own knows, under its own name. ``names`` says what the
    client calls an option, or "thinking", "output", "tools", ..., where that differs."""

    turns: tuple[Turn, ...]
    tools: tuple[Tool | HostedTool, ...] = ()
    tool_choice: ToolChoice | None = None
    calls_in_parallel: bool | None = None
    output: OutputFormat | None = None
    thinking: Thinking | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    other: Mapping[str, Any] = field(default_factory=dict, compare=False)
    names: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    def named(self, what: str) -> str:
        """What the client calls it."""
        return self.names.get(what, what)
