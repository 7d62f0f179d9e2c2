"""Usage: on every chunk, inside another chunk, in zeros, unasked, or never."""

from __future__ import annotations

from dataclasses import replace

from strictwire.lab.ask import Ask
from strictwire.lab.scenarios.answer import PROMPT_TOKENS, Answer, tell_two
from strictwire.lab.scenarios.scenario import Scenario
from strictwire.lab.scenarios.strict import (
    chunk,
    object_reply,
    strict_chunks,
    strict_frames,
    usage_object,
    whole_object,
)
from strictwire.lab.scenarios.walk import is_finish
from strictwire.lab.script import Json, Reply

_ZEROS: Json = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}


def _unasked(answer: Answer, ask: Ask) -> list[Json]:
    """The chunks without any usage key, whatever was asked."""
    return strict_chunks(answer, replace(ask, includes_usage=False))


def _with_usage_chunk(answer: Answer, ask: Ask) -> Reply:
    return Reply(strict_frames(strict_chunks(answer, replace(ask, includes_usage=True)), ask))


def _every_chunk(answer: Answer, ask: Ask) -> Reply:
    """Counts that grow with each chunk; the last are the true ones, and must not be summed."""
    chunks = _unasked(answer, ask)
    prompt, completion = answer.usage
    for number, told in enumerate(chunks):
        so_far = completion if is_finish(told) else min(number, completion)
        told["usage"] = {
            "prompt_tokens": prompt,
            "completion_tokens": so_far,
            "total_tokens": prompt + so_far,
        }
    return Reply(strict_frames(chunks, ask))


def _in_finish_chunk(answer: Answer, ask: Ask) -> Reply:
    chunks = _unasked(answer, ask)
    chunks[-1]["usage"] = usage_object(answer)
    return Reply(strict_frames(chunks, ask))


def _zeros_every_chunk(answer: Answer, ask: Ask) -> Reply:
    chunks = _unasked(answer, ask)
    for told in chunks:
        told["usage"] = dict(_ZEROS)
    chunks[-1]["usage"] = usage_object(answer)
    return Reply(strict_frames(chunks, ask))


def _nulls(answer: Answer, ask: Ask) -> Reply:
    """The usage chunk lacks its sum, and has nulls where nothing was counted."""
    chunks = strict_chunks(answer, ask)
    for told in chunks:
        if told.get("usage"):
            told["usage"].update(total_tokens=None, prompt_tokens_details=None)
    return Reply(strict_frames(chunks, ask))


def _whole_nulls(answer: Answer, ask: Ask) -> Reply:
    whole = whole_object(answer, ask)
    whole["usage"].update(total_tokens=None, prompt_tokens_details=None)
    return object_reply(whole, ask)


def _with_choice(answer: Answer, ask: Ask) -> Reply:
    """The usage chunk has a choice that holds an empty delta and nothing else, as recorded."""
    last = chunk(ask, [{"delta": {}}], usage=usage_object(answer))
    return Reply(strict_frames([*_unasked(answer, ask), last], ask))


def _first(answer: Answer, ask: Ask) -> Reply:
    """A usage chunk before any text, as of a server that counts the prompt first."""
    early: Json = {**_ZEROS, "prompt_tokens": answer.usage[0], "total_tokens": answer.usage[0]}
    told = strict_chunks(answer, replace(ask, includes_usage=True))
    return Reply(strict_frames([chunk(ask, [], usage=early), *told], ask))


def _never(answer: Answer, ask: Ask) -> Reply:
    return Reply(strict_frames(_unasked(answer, ask), ask))


def _never_whole(answer: Answer, ask: Ask) -> Reply:
    whole = whole_object(answer, ask)
    del whole["usage"]
    return object_reply(whole, ask)


def _groq(answer: Answer, ask: Ask) -> Reply:
    """Groq's own field: an id on the first chunk, the usage on the last."""
    chunks = _unasked(answer, ask)
    chunks[0]["x_groq"] = {"id": "req_lab"}
    chunks[-1]["x_groq"] = {"id": "req_lab", "usage": usage_object(answer)}
    return Reply(strict_frames(chunks, ask))


def _groq_whole(answer: Answer, ask: Ask) -> Reply:
    whole = whole_object(answer, ask)
    whole["x_groq"] = {"id": "req_lab", "usage": whole.pop("usage")}
    return object_reply(whole, ask)


def _timings(answer: Answer, ask: Ask) -> Reply:
    """A chunk of timings without choices before the end."""
    timings = chunk(ask, [], timings={"prompt_n": 11, "prompt_ms": 1.5, "predicted_n": 12})
    return Reply(strict_frames([*strict_chunks(answer, ask), timings], ask))


def _of_choices(answer: Answer, ask: Ask) -> Reply:
    """llama.cpp: after its finish, each choice tells what itself used, beside timings; the first
    choice ends before the last word of the second. Completions tell it in the finish chunk."""
    *said, last, first_end, second_end = _unasked(answer, ask)
    chunks = [
        *said,
        *_end_of_choice(first_end, answer, 0, ask),
        last,
        *_end_of_choice(second_end, answer, 1, ask),
    ]
    return Reply(strict_frames(chunks, ask))


def _end_of_choice(finish: Json, answer: Answer, index: int, ask: Ask) -> list[Json]:
    count = answer.choices[index].token_count
    timings = {"prompt_n": PROMPT_TOKENS, "predicted_n": count}
    usage = {
        "prompt_tokens": PROMPT_TOKENS,
        "completion_tokens": count,
        "total_tokens": PROMPT_TOKENS + count,
        "prompt_tokens_details": {"cached_tokens": 0},
    }
    if ask.dialect == "completions":
        return [finish | {"usage": usage, "timings": timings}]
    if not ask.includes_usage:
        return [finish | {"timings": timings}]
    return [finish, chunk(ask, [], usage=usage, timings=timings)]


ROWS = (
    Scenario(
        name="usage-every-chunk",
        title="Growing usage on every chunk",
        rules=(
            "chat.usage-placement",
            "reply.usage-repeated",
        ),
        quirks=(60,),
        stream=_every_chunk,
    ),
    Scenario(
        name="usage-in-finish-chunk",
        title="Usage inside the finish chunk, asked or not",
        rules=("chat.usage-placement",),
        faults=("reply.usage-null",),
        quirks=(60, 87, 89),
        stream=_in_finish_chunk,
    ),
    Scenario(
        name="usage-zeros-every-chunk",
        title="Usage of zeros on every chunk, true only on the last",
        rules=(
            "chat.usage-placement",
            "reply.usage-repeated",
        ),
        quirks=(94,),
        stream=_zeros_every_chunk,
    ),
    Scenario(
        name="usage-nulls",
        title="Usage with nulls, its sum among them",
        rules=("chat.usage-shape",),
        whole_rules=("chat.usage-shape",),
        quirks=(62,),
        stream=_nulls,
        whole=_whole_nulls,
    ),
    Scenario(
        name="usage-with-choice",
        title="A usage chunk that has a choice",
        rules=("chat.choice-index", "chat.empty-delta", "chat.finish-missing"),
        faults=("reply.usage-null",),
        quirks=(91,),
        stream=_with_choice,
    ),
    Scenario(
        name="usage-first",
        title="Usage before the text, and again at the end",
        rules=("reply.usage-repeated",),
        quirks=(60,),
        stream=_first,
    ),
    Scenario(
        name="usage-elsewhere",
        title="Usage under x_groq",
        rules=("chat.usage-elsewhere", "chat.usage-placement"),
        faults=("reply.usage-null",),
        whole_rules=("chat.usage-elsewhere",),
        quirks=(61,),
        stream=_groq,
        whole=_groq_whole,
    ),
    Scenario(
        name="usage-of-choices",
        title="Each choice has a usage of its own",
        rules=("chat.usage-of-choice", "reply.usage-repeated"),
        faults=("reply.usage-null",),
        completions_rules=(
            "chat.usage-of-choice",
            "chat.usage-placement",
            "reply.usage-repeated",
        ),
        quirks=(96,),
        tell=tell_two,
        stream=_of_choices,
    ),
    Scenario(
        name="usage-unasked",
        title="A usage chunk that nobody asked for",
        quirks=(63,),
        stream=_with_usage_chunk,
    ),
    Scenario(
        name="usage-missing",
        title="Usage is never told",
        faults=("reply.usage-null",),
        whole_faults=("whole.keys",),
        quirks=(62,),
        stream=_never,
        whole=_never_whole,
        tells_usage=False,
        tells_whole_usage=False,
    ),
    Scenario(
        name="timings-frame",
        title="A chunk of timings without choices",
        rules=("chat.empty-delta",),
        quirks=(64,),
        stream=_timings,
    ),
)
