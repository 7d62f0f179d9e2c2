"""What servers tell of their models, in one form: ``context_length`` and ``capabilities``.

Contract: pure, and nothing is guessed. A context length is one that the server said a request may
use, under whichever name; what a model was trained for is none. Capabilities are told of an engine,
which knows them, and of llama.cpp, by its ``/props``. What a server says under these two names
itself stays as it is.
Sources: llama.cpp's tools/server README; the model lists of vLLM and SGLang (``max_model_len``), LM
Studio, OpenRouter, Mistral, Groq and Anthropic.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

Model = dict[str, Any]

# As servers call the tokens that one request may use; the first that is there counts. LM Studio
# tells how much it loaded beside how much the model could have.
_CONTEXT_NAMES = (
    "context_length", "max_model_len", "loaded_context_length", "max_context_length",
    "context_window", "max_input_tokens",
)  # fmt: skip
_TOOLS = re.compile(r"\btools\b")
# What templates of models say that write their thoughts down first.
_THINKS = re.compile(r"<think>|enable_thinking|reasoning_content|reasoning_effort|thinking")
# The order in which they are told.
_ORDER = (
    "chat", "completions", "embeddings", "tools", "json_schema", "logprobs", "reasoning", "vision",
    "audio",
)  # fmt: skip


class Told(Protocol):
    """What an upstream knows of its one model; ``context`` in tokens for each request."""

    @property
    def context(self) -> int: ...

    @property
    def capabilities(self) -> Collection[str]: ...


@runtime_checkable
class KnowsItsModel(Protocol):
    """An upstream that does; None until its model was loaded."""

    @property
    def facts(self) -> Told | None: ...


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """``context_length`` 0 and no ``capabilities`` where nobody told."""

    context_length: int = 0
    capabilities: tuple[str, ...] = ()

    def added_to(self, model: Model) -> Model:
        """The entry with what it does not say itself."""
        told: Model = {}
        if self.context_length:
            told["context_length"] = self.context_length
        if self.capabilities:
            told["capabilities"] = list(self.capabilities)
        return model | {name: told[name] for name in told if model.get(name) is None}


NOTHING_TOLD = ModelFacts()


def facts_of_engine(told: Told) -> ModelFacts:
    return ModelFacts(told.context, _ordered(told.capabilities))


def facts_of_props(props: Any) -> ModelFacts:
    """By llama.cpp's ``/props``, of the one model that it has loaded."""
    if not isinstance(props, dict):
        return NOTHING_TOLD
    defaults = props.get("default_generation_settings")
    context = _count(defaults.get("n_ctx")) if isinstance(defaults, dict) else 0
    if not context:
        return NOTHING_TOLD  # a router of several models, or another server's page
    return ModelFacts(context, _ordered(_capabilities(props)))


def facts_of_entry(entry: Model) -> ModelFacts:
    """By an entry of a model list alone."""
    for name in _CONTEXT_NAMES:
        if count := _count(entry.get(name)):
            return ModelFacts(count)
    meta = entry.get("meta")  # llama.cpp: what one place has
    return ModelFacts(_count(meta.get("n_ctx"))) if isinstance(meta, dict) else NOTHING_TOLD


def _capabilities(props: Model) -> set[str]:
    """Each model of llama.cpp completes texts, in the form of a grammar if need be; what else it
    can do its template and its inputs tell."""
    can = {"completions", "json_schema", "logprobs"}
    template = props.get("chat_template")
    if isinstance(template, str) and template:
        can.add("chat")
        told = props.get("chat_template_caps")
        # Older servers do not tell what they found in the template.
        tools = told.get("supports_tools") if isinstance(told, dict) else None
        if _TOOLS.search(template) if tools is None else tools:
            can.add("tools")
        if _THINKS.search(template):
            can.add("reasoning")
    inputs = props.get("modalities")
    if isinstance(inputs, dict):
        can |= {name for name in ("vision", "audio") if inputs.get(name) is True}
    return can


def _ordered(names: Collection[str]) -> tuple[str, ...]:
    return (*(name for name in _ORDER if name in names), *sorted(set(names) - set(_ORDER)))


def _count(value: Any) -> int:
    return value if type(value) is int and value > 0 else 0
