"""Completions' own habits: what a chat scenario cannot show of ``/v1/completions``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from strictwire.lab.ask import Ask
from strictwire.lab.scenarios.answer import TEXT_PIECES, Answer, Choice, tell_logprobs
from strictwire.lab.scenarios.completion import in_dialect
from strictwire.lab.scenarios.scenario import COMPLETIONS_ASK, Builder, Scenario
from strictwire.lab.scenarios.strict import (
    DONE,
    frame,
    strict_chunks,
    strict_object,
    strict_stream,
    usage_object,
    whole_object,
)
from strictwire.lab.script import Json, Reply, json_reply

_TWO_PROMPTS = replace(COMPLETIONS_ASK, prompts=("Good day", "Bonjour"), echoes=True)


def _tell_each_prompt(ask: Ask) -> Answer:
    """One choice for each prompt, which it repeats where that was asked for."""
    prompts = ask.prompts or ("",)
    said = (((prompt,) if ask.echoes and prompt else ()) for prompt in prompts)
    return Answer(tuple(Choice((*before, *TEXT_PIECES[:4])) for before in said))


def _by(change: Callable[[list[Json]], list[Json]]) -> Builder:
    """A stream of completions chunks that are changed; its framing stays strict."""

    def build(answer: Answer, ask: Ask) -> Reply:
        chunks = change(in_dialect(strict_chunks(answer, ask), ask))
        return Reply((*map(frame, chunks), DONE))

    return build


def _whole_by(change: Callable[[list[Json]], list[Json]]) -> Builder:
    def build(answer: Answer, ask: Ask) -> Reply:
        return json_reply(change(in_dialect([whole_object(answer, ask)], ask))[0])

    return build


def _chat_ids(values: list[Json]) -> list[Json]:
    return [{**value, "id": f"chat{value['id']}"} for value in values]


def _usage_in_finish(answer: Answer, ask: Ask) -> Reply:
    """As llama.cpp: usage unasked, inside the finish chunk."""
    chunks = in_dialect(strict_chunks(answer, replace(ask, includes_usage=False)), ask)
    chunks[-1]["usage"] = usage_object(answer)
    return Reply((*map(frame, chunks), DONE))


def _rides(chunks: list[Json]) -> list[Json]:
    """The reason moves to the last text, and the finish chunk is gone."""
    finish = next(told for told in chunks if told["choices"][0]["finish_reason"])
    chunks[chunks.index(finish) - 1]["choices"][0].update(finish["choices"][0], text=".")
    return [told for told in chunks if told is not finish]


def _null_text(chunks: list[Json]) -> list[Json]:
    for told in chunks:
        for said in told["choices"]:
            said["text"] = said["text"] or None
    return chunks


def _without_text(chunks: list[Json]) -> list[Json]:
    for told in chunks:
        for said in told["choices"]:
            if not said["text"]:
                del said["text"]
    return chunks


def _empty_between(chunks: list[Json]) -> list[Json]:
    """A chunk without text before each that has some, as llama.cpp sends for half a character."""
    mixed: list[Json] = []
    for told in chunks:
        if told["choices"] and told["choices"][0]["text"]:
            mixed.append({**told, "choices": [{**told["choices"][0], "text": ""}]})
        mixed.append(told)
    return mixed


def _without_logprobs(values: list[Json]) -> list[Json]:
    for told in values:
        for said in told["choices"]:
            del said["logprobs"]
    return values


def _chat_logprobs(answer: Answer, ask: Ask) -> Reply:
    chunks = strict_chunks(answer, ask)
    told = in_dialect(chunks, ask)
    for chunk, before in zip(told, [one for one in chunks if _says_text(one)], strict=True):
        for said, was in zip(chunk["choices"], before["choices"], strict=True):
            said["logprobs"] = was.get("logprobs")
    return Reply((*map(frame, told), DONE))


def _says_text(chunk: Json) -> bool:
    return not any("role" in choice["delta"] for choice in chunk["choices"])


def _chat_logprobs_whole(answer: Answer, ask: Ask) -> Reply:
    whole = whole_object(answer, ask)
    (told,) = in_dialect([whole], ask)
    for said, was in zip(told["choices"], whole["choices"], strict=True):
        said["logprobs"] = was["logprobs"]
    return json_reply(told)


def _chat_stream(answer: Answer, ask: Ask) -> Reply:
    return strict_stream(answer, replace(ask, dialect="chat"))


def _chat_object(answer: Answer, ask: Ask) -> Reply:
    return strict_object(answer, replace(ask, dialect="chat"))


def _row(name: str, title: str, **more: object) -> Scenario:
    return replace(
        Scenario(name=name, title=title, only="completions", ask=COMPLETIONS_ASK),
        **more,  # type: ignore[arg-type]
    )


ROWS = (
    _row(
        "completions-echo",
        "Two prompts, each repeated before its completion",
        tell=_tell_each_prompt,
        ask=_TWO_PROMPTS,
    ),
    _row(
        "completions-chat-id",
        "Ids that begin with chatcmpl-",
        rules=("completions.envelope",),
        whole_rules=("completions.envelope",),
        quirks=(45, 87),
        stream=_by(_chat_ids),
        whole=_whole_by(_chat_ids),
    ),
    _row(
        "completions-usage-in-finish",
        "A completion's usage inside its finish chunk, asked or not",
        rules=("chat.usage-placement",),
        faults=("reply.usage-null",),
        quirks=(87, 89),
        stream=_usage_in_finish,
    ),
    _row(
        "completions-finish-rides",
        "The finish reason rides on the last text of a completion",
        rules=("completions.finish-alone",),
        quirks=(32, 90),
        stream=_by(_rides),
    ),
    _row(
        "completions-text-null",
        "text null where nothing is said",
        rules=("completions.text-missing",),
        quirks=(36, 41),
        stream=_by(_null_text),
    ),
    _row(
        "completions-text-missing",
        "No text in the finish chunk",
        rules=("completions.text-missing",),
        quirks=(41,),
        stream=_by(_without_text),
    ),
    _row(
        "completions-text-empty",
        "Chunks with empty text between the others",
        rules=("completions.empty-text",),
        quirks=(46,),
        stream=_by(_empty_between),
    ),
    _row(
        "completions-logprobs-missing",
        "No logprobs key",
        faults=("completions.logprobs-missing",),
        whole_faults=("whole.keys",),
        quirks=(88, 89),
        stream=_by(_without_logprobs),
        whole=_whole_by(_without_logprobs),
    ),
    _row(
        "completions-logprobs-chat",
        "Log probabilities in chat's shape, as of llama.cpp and mlx-lm",
        rules=("completions.logprobs-shape",),
        whole_rules=("completions.logprobs-shape",),
        quirks=(87, 88),
        tell=tell_logprobs,
        stream=_chat_logprobs,
        whole=_chat_logprobs_whole,
    ),
    _row(
        "completions-chat-shape",
        "Chat's chunks and chat's object in reply to a completions request",
        rules=("completions.chat-shape",),
        whole_rules=("completions.chat-shape",),
        quirks=(45,),
        stream=_chat_stream,
        whole=_chat_object,
    ),
)
