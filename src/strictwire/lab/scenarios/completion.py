"""A chat reply said as a text completion: what a scenario spoiled in chat's shape stays spoiled.

Chat's chunks are spoiled first and turned into completions last, so that one row tells of both
dialects. Where chat has no counterpart in a completion (a role alone) there is no chunk at all.
What a completion cannot hold (reasoning, refusals, calls) must not be asked of it.
Source: OpenAI API reference, "The completion object"; llama.cpp and mlx-lm as recorded.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from strictwire.lab.ask import Ask
from strictwire.lab.script import Json

_PREFIX = "chatcmpl-"
_OBJECTS = ("chat.completion", "chat.completion.chunk")
# What may stand beside a role alone, and tells nothing of the reply.
_BARE_CHOICE = frozenset(("index", "delta", "logprobs", "finish_reason", "native_finish_reason"))


def in_dialect(values: Iterable[Json], ask: Ask) -> list[Json]:
    """Chat chunks, or a chat object, as the dialect of ``ask`` says them, in one reply."""
    if ask.dialect == "chat":
        return list(values)
    offsets: dict[Any, int] = {}
    turned = (_turned(value, offsets) for value in values)
    return [value for value in turned if value is not None]


def _turned(value: Json, offsets: dict[Any, int]) -> Json | None:
    told = dict(value)
    identity = told.get("id")
    if isinstance(identity, str) and identity.startswith(_PREFIX):
        told["id"] = identity.removeprefix("chat")
    if told.get("object") in _OBJECTS:
        told["object"] = "text_completion"
    choices = told.get("choices")
    if not isinstance(choices, list) or not choices:
        return told
    kept = [choice for choice in choices if not _is_silent(choice, told)]
    told["choices"] = [_turned_choice(choice, offsets) for choice in kept]
    return told if kept else None


def _is_silent(choice: Json, chunk: Json) -> bool:
    """Whether there is nothing of it in a completion: a role alone, or an empty delta."""
    delta = choice.get("delta")
    if choice.get("finish_reason") or not choice.keys() <= _BARE_CHOICE:
        return False
    # llama.cpp tells its progress beside a role in chat, and beside an empty text here.
    if "prompt_progress" in chunk or not isinstance(delta, dict):
        return False
    return delta.keys() == {"role"} or (not delta and not chunk.get("usage"))


def _turned_choice(choice: Json, offsets: dict[Any, int]) -> Json:
    place = "message" if "message" in choice else "delta"
    turned: Json = {key: choice[key] for key in choice if key != place}
    if place not in choice:
        return turned
    body = choice[place]
    text = None if body is None else body.get("content", "")
    if text is None and body:
        text = ""  # what says null beside a role says nothing at all here
    logprobs = choice.get("logprobs")
    if isinstance(logprobs, dict):
        turned["logprobs"] = _logprobs(logprobs["content"], offsets, choice.get("index"))
    place_told = {"index": turned.pop("index")} if "index" in turned else {}
    return {**place_told, "text": text, "logprobs": None, **turned}


def _logprobs(tokens: list[Json], offsets: dict[Any, int], index: Any) -> Json:
    """Four lists side by side; offsets count characters from the choice's beginning."""
    places: list[int] = []
    for token in tokens:
        places.append(offsets.get(index, 0))
        offsets[index] = places[-1] + len(token["token"])
    return {
        "tokens": [token["token"] for token in tokens],
        "token_logprobs": [token["logprob"] for token in tokens],
        "top_logprobs": [{token["token"]: token["logprob"]} for token in tokens],
        "text_offset": places,
    }
