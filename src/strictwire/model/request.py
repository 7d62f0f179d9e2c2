"""What was promised to one client, as far as a relay must know it. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Dialect = Literal["chat", "completions", "responses", "messages"]
# What servers are asked in: no client speaks Ollama's own API here.
UpstreamDialect = Literal["chat", "completions", "responses", "messages", "ollama"]
Carrier = Literal["event", "comment", "chunk"]
ReasoningKey = Literal["reasoning_content", "reasoning", "both"]
ExtraFields = Literal["keep", "drop"]
AfterError = Literal["done", "cut"]

# The settings name no rule: each runs in its own default mode. A plain dict and never changed,
# since rules are copied by pickling while the splice proves a frame.
_DEFAULT_MODES: Mapping[str, str] = {}
_NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class FoldedTool:
    """A tool that the upstream knows as a plain function of another name, since its dialect has
    neither namespaces nor custom tools. The reply calls it as the client knows it. ``wrapper`` is
    the one argument in which a custom tool's input stands, empty for a function."""

    name: str
    namespace: str = ""
    wrapper: str = ""

    @property
    def is_custom(self) -> bool:
        return bool(self.wrapper)


@dataclass(frozen=True, slots=True)
class Promise:
    """What the client asked for, and the ids and times to use where the upstream tells none.

    ``dialect`` is the client's, ``upstream`` that of the reply, None where it is the same.
    ``id`` is without its dialect's prefix. ``created`` is in seconds since the epoch. ``model``
    is shown always if ``is_model_pinned`` (an alias was asked for), else only if the upstream
    names none. ``choices`` is how many were asked for, None where nobody knows, and ``prompts`` how
    many prompts they answer together. ``tools`` names the tools as the upstream knows them;
    ``folded`` has those that it knows by another name than the client, by that name. ``modes`` says
    the mode of each rule that the settings name. ``echo`` is what a Responses object repeats of its
    request. ``prompt_tokens`` is an estimate of the prompt's length, None where none was made.
    ``asks_progress``: the upstream is asked for prefill progress, for the client (``progress``) or
    for the gateway's own sake, so that its reports are no quirk. ``counts_reasoning``: the upstream
    sends a token a piece, so the pieces of its reasoning can be counted where it does not tell the
    tokens.
    """

    id: str
    created: int
    model: str
    dialect: Dialect = "chat"
    upstream: UpstreamDialect | None = None
    is_model_pinned: bool = False
    is_stream: bool = True
    includes_usage: bool = False
    choices: int | None = None
    prompts: int = 1
    tools: frozenset[str] = frozenset()
    progress: Carrier | None = None
    asks_progress: bool = False
    reasoning_key: ReasoningKey = "reasoning_content"
    extra_fields: ExtraFields = "keep"
    after_error: AfterError = "done"
    modes: Mapping[str, str] = field(default_factory=lambda: _DEFAULT_MODES)
    max_reply_bytes: int = 64 * 1024 * 1024
    folded: Mapping[str, FoldedTool] = field(default_factory=lambda: _NOTHING)
    echo: Mapping[str, Any] = field(default_factory=lambda: _NOTHING, repr=False)
    prompt_tokens: int | None = None
    responses_done: bool = True
    counts_reasoning: bool = False
