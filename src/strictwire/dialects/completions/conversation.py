"""A text completion request read into a conversation: the prompt becomes the user's turn.

Contract: ``read_conversation`` raises ``CallerError`` (400) that names the field for what only a
completions server can do: several prompts, tokens, an echo, text behind the gap.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from strictwire.dialects.completions.request import CompletionsRequest
from strictwire.dialects.losses import held_by_none
from strictwire.dialects.request_options import read_options
from strictwire.dialects.told_values import decoded
from strictwire.model.conversation import Conversation, Text, Turn

_STRUCTURE = frozenset(
    ("model", "prompt", "stream", "stream_options", "n", "best_of", "echo", "suffix", "logprobs")
)


def read_conversation(request: CompletionsRequest) -> Conversation:
    """The conversation that a text completion request tells."""
    told = decoded(request.fields)
    if told.get("suffix"):
        raise held_by_none("suffix", "asks for a text between two others", "completions")
    if told.get("echo"):
        raise held_by_none("echo", "asks for the prompt's text again", "completions")
    if told.get("best_of", 1) > 1:
        raise held_by_none("best_of", "asks for the best of several answers", "completions")
    options, taken = read_options(told, "completions")
    if "logprobs" in told:
        options |= {"logprobs": True, "top_logprobs": told["logprobs"]}
    return Conversation(
        turns=(Turn("user", (Text(_prompt(told), at="prompt"),), at="prompt"),),
        options=options,
        other={name: told[name] for name in told if name not in taken | _STRUCTURE},
    )


def _prompt(told: Mapping[str, Any]) -> str:
    prompt = told.get("prompt")
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if isinstance(prompt, str):
        return prompt
    what = "is no single text (it is tokens, several texts or nothing)"
    raise held_by_none("prompt", what, "completions")
