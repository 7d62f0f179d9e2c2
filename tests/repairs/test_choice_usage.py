"""Usage that is told of each choice by itself is summed: tokens of the prompts once."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from relay.chat_streams import DONE, chunk, frame, said
from relay.playing import PROMISE, WITH_USAGE, play
from strictwire.model.request import Promise

RULE = "chat.usage-of-choice"
TWO = replace(WITH_USAGE, choices=2)


def ending(index: int, prompt: int, tokens: int, *, cached: int = 0) -> bytes:
    """A choice's text, its finish, and llama.cpp's usage of it."""
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": tokens,
        "total_tokens": prompt + tokens,
        "prompt_tokens_details": {"cached_tokens": cached},
    }
    timings = {"cache_n": cached, "prompt_n": prompt - cached, "predicted_n": tokens}
    return b"".join(
        frame(chunk(*one[:1], **one[1]))
        for one in (
            ([said({"content": f"t{index}"}, index)], {}),
            ([said({}, index, finish="stop")], {}),
            ([], {"usage": usage, "timings": timings}),
        )
    )


def in_completions(index: int, prompt: int, tokens: int) -> bytes:
    """The same in the finish chunk, as its completions tell it."""
    told = {
        "id": "cmpl-x", "object": "text_completion", "created": 1, "model": "m",
        "choices": [{"index": index, "text": "a", "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": prompt, "completion_tokens": tokens,
                  "total_tokens": prompt + tokens},
        "timings": {"predicted_n": tokens},
    }  # fmt: skip
    return frame(told)


def usage_told(parts: Iterable[bytes], promise: Promise) -> tuple[Any, frozenset[str]]:
    played = play(b"".join([*parts, DONE]), promise, is_object=False)
    assert played.failure is None
    lines = [line[6:] for line in played.out.split(b"\n") if line.startswith(b"data: {")]
    usages = [one["usage"] for one in map(json.loads, lines) if one.get("usage")]
    assert len(usages) == 1, "usage is told once"
    return usages[0], played.repairs


def counts(usage: dict[str, Any]) -> tuple[int, int, int]:
    return usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]


def test_the_choices_tokens_are_summed_and_the_prompt_s_are_not() -> None:
    told, repairs = usage_told([ending(1, 15, 20), ending(0, 15, 5)], TWO)
    assert counts(told) == (15, 25, 40)
    assert RULE in repairs


def test_cached_tokens_are_those_of_one_prompt() -> None:
    parts = [ending(index, 15, 4, cached=14) for index in range(3)]
    told, _ = usage_told(parts, replace(WITH_USAGE, choices=3))
    assert told["prompt_tokens_details"] == {"cached_tokens": 14}


@pytest.mark.parametrize(
    ("prompts", "choices", "right"),
    [(1, 2, (5, 8, 13)), (2, 2, (8, 8, 16)), (2, 4, (8, 16, 24))],
)
def test_each_prompt_is_counted_once(
    prompts: int, choices: int, right: tuple[int, int, int]
) -> None:
    """Two choices of the first prompt, then two of the second, as they are numbered."""
    each = choices // prompts
    sizes = [5] * choices if prompts == 1 else [3] * each + [5] * each
    promise = replace(WITH_USAGE, dialect="completions", choices=choices, prompts=prompts)
    parts = [in_completions(index, size, 4) for index, size in enumerate(sizes)]
    told, repairs = usage_told(reversed(parts), promise)
    assert counts(told) == right
    assert RULE in repairs


@pytest.mark.parametrize(
    "change",
    [
        (b'"predicted_n":20', b'"predicted_n":25'),  # of several: they are no longer the same
        (b'"timings"', b'"times"'),
    ],
    ids=["another count", "no timings"],
)
def test_a_usage_that_may_be_of_all_stays(change: tuple[bytes, bytes]) -> None:
    first, last = ending(0, 15, 5), ending(1, 15, 20).replace(*change)
    told, repairs = usage_told([first, last], TWO)
    assert counts(told) == (15, 20, 35)
    assert RULE not in repairs


def test_the_same_usage_again_is_not_summed() -> None:
    """There were as many as choices had finished."""
    both = [ending(0, 15, 5), ending(1, 15, 20)]
    again = both[1][both[1].rindex(b"data: ") :]
    told, _ = usage_told([*both, again], TWO)
    assert counts(told) == (15, 25, 40)


def test_who_asked_for_one_choice_has_no_such_rule() -> None:
    parts = [ending(0, 15, 5)]
    for promise in (replace(WITH_USAGE, choices=1), replace(PROMISE, includes_usage=True)):
        told, repairs = usage_told(parts, promise)
        assert counts(told) == (15, 5, 20)
        assert RULE not in repairs
