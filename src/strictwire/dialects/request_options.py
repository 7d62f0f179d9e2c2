"""The plain values that several dialects' requests share: one row each, one name per dialect.

Contract: ``read_options`` takes them out of a client's fields, ``write_options`` says them in
another dialect. A value that the other dialect has no name for is dropped and told, or refused
where the answer would be another one without it (``is_question``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from strictwire.dialects.losses import Losses, cannot_hold
from strictwire.model.conversation import Conversation
from strictwire.model.request import Dialect, UpstreamDialect


@dataclass(frozen=True, slots=True)
class Option:
    """``name`` is the neutral one, empty strings say that a dialect has none. Values that stand
    inside another field ("metadata.user_id") are read and written by the dialect itself."""

    name: str
    chat: str = ""
    completions: str = ""
    responses: str = ""
    messages: str = ""
    ollama: str = ""
    is_question: bool = False

    def called(self, dialect: UpstreamDialect) -> str:
        name: str = getattr(self, dialect)
        return name


# fmt: off
OPTIONS: tuple[Option, ...] = (
    # name                  chat                 completions          responses            messages           ollama  # noqa: E501
    Option("max_tokens",    "max_tokens",        "max_tokens",        "max_output_tokens", "max_tokens",      "num_predict", is_question=True),  # noqa: E501
    Option("temperature",   "temperature",       "temperature",       "temperature",       "temperature",     "temperature"),  # noqa: E501
    Option("top_p",         "top_p",             "top_p",             "top_p",             "top_p",           "top_p"),  # noqa: E501
    Option("top_k",         "top_k",             "top_k",             "",                  "top_k",           "top_k"),  # noqa: E501
    Option("presence_penalty", "presence_penalty", "presence_penalty", ollama="presence_penalty"),
    Option("frequency_penalty", "frequency_penalty", "frequency_penalty", ollama="frequency_penalty"),  # noqa: E501
    Option("seed",          "seed",              "seed", ollama="seed"),
    Option("logit_bias",    "logit_bias",        "logit_bias", is_question=True),
    Option("logprobs",      "logprobs", ollama="logprobs", is_question=True),
    Option("top_logprobs",  "top_logprobs",      "",                  "top_logprobs", ollama="top_logprobs", is_question=True),  # noqa: E501
    Option("stop",          "stop",              "stop",              "",                  "stop_sequences",  "stop", is_question=True),  # noqa: E501
    Option("user",          "user",              "user",              "user"),
    Option("service_tier",  "service_tier",      "",                  "service_tier",      "service_tier"),  # noqa: E501
    Option("verbosity",     "verbosity"),
    # OpenAI's chat knows the rest too. But its servers take metadata only with "store", and those
    # that only resemble it refuse what they do not know; so a chat upstream is not sent them.
    Option("metadata",      "metadata",          "",                  "metadata"),
    Option("prompt_cache_key", "prompt_cache_key", "",                "prompt_cache_key"),
    Option("prompt_cache_retention", "prompt_cache_retention", "",    "prompt_cache_retention"),
    Option("safety_identifier", "safety_identifier", "",              "safety_identifier"),
)
# fmt: on
_ROWS = {row.name: row for row in OPTIONS}
UNSENT_TO_CHAT = frozenset(
    ("metadata", "prompt_cache_key", "prompt_cache_retention", "safety_identifier")
)

# What local servers take beside OpenAI's fields, over chat: how tokens are drawn and how the
# prompt's template is filled (llama.cpp, vLLM, SGLang, mlx-lm, Ollama).
VENDOR_FIELDS = frozenset(
    (
        "top_k", "min_p", "top_a", "typical_p", "tfs_z", "repetition_penalty", "repeat_penalty",
        "repeat_last_n", "min_tokens", "mirostat", "mirostat_tau", "mirostat_eta",
        "dynatemp_range", "dynatemp_exponent", "xtc_probability", "xtc_threshold",
        "dry_multiplier", "dry_base", "dry_allowed_length", "dry_penalty_last_n",
        "dry_sequence_breakers", "samplers", "ignore_eos", "stop_token_ids", "bad_words",
        "chat_template_kwargs", "enable_thinking", "thinking_budget", "grammar", "guided_json",
        "guided_regex", "guided_choice", "guided_grammar", "structured_outputs", "regex", "ebnf",
        "cache_prompt", "id_slot", "keep_alive", "options", "priority", "separate_reasoning",
        "skip_special_tokens", "include_reasoning", "reasoning_format", "lora", "lora_path",
        "draft_model", "adapters",
    )
)  # fmt: skip


def read_options(told: Mapping[str, Any], dialect: Dialect) -> tuple[dict[str, Any], set[str]]:
    """The options by neutral name, and the fields that they came from."""
    options: dict[str, Any] = {}
    taken: set[str] = set()
    for row in OPTIONS:
        name = row.called(dialect)
        if name and name in told:
            taken.add(name)
            # False, {} and [] ask for nothing that leaving them out would not.
            if told[name] is not False and told[name] not in ({}, []):
                options[row.name] = told[name]
    if isinstance(options.get("stop"), str):
        options["stop"] = [options["stop"]]
    return options, taken


def option_names(dialect: Dialect) -> dict[str, str]:
    """What a client of a dialect calls the options, where that is not their neutral name."""
    called = {row.name: row.called(dialect) for row in OPTIONS}
    return {name: theirs for name, theirs in called.items() if theirs and theirs != name}


def write_options(
    conversation: Conversation,
    target: UpstreamDialect,
    losses: Losses,
    written: Collection[str] = (),
) -> dict[str, Any]:
    """The options in the target's words, but those that the caller has ``written`` itself."""
    fields: dict[str, Any] = {}
    for name, value in conversation.options.items():
        row = _ROWS[name]
        theirs = row.called(target)
        if name in written:
            continue
        if target == "chat" and name in UNSENT_TO_CHAT:
            losses.drop(conversation.named(name))
        elif theirs:
            fields[theirs] = value
        elif row.is_question:
            raise cannot_hold(conversation.named(name), "says what answer is wanted", target)
        else:
            losses.drop(conversation.named(name))
    return fields


def write_other(conversation: Conversation, target: Dialect, losses: Losses) -> dict[str, Any]:
    """Of the fields that only the client's dialect knows, those that a local server may."""
    fields: dict[str, Any] = {}
    for name, value in conversation.other.items():
        if target == "chat" and name in VENDOR_FIELDS:
            fields[name] = value
        else:
            losses.drop(name)
    return fields
