"""What is done about fields that a server refuses."""

from __future__ import annotations

import pytest

from strictwire.routing import (
    DROPPABLE,
    STREAM_REFUSED,
    WHOLE_REFUSED,
    Amendment,
    amend,
    amendable,
    as_sent,
)

# They belong to the question: without them another one would be answered.
NEVER = (
    "model", "messages", "prompt", "input", "tools", "tool_choice", "response_format", "n", "stop",
    "functions", "function_call", "logit_bias", "logprobs", "suffix", "echo", "best_of", "stream",
    "dimensions", "encoding_format",
)  # fmt: skip


def test_nothing_refused_changes_nothing() -> None:
    amendment = amend(["model", "top_k"], (), asks_stream=True)
    assert amendment == Amendment(asks_stream=True)
    assert not amendment.is_any


def test_what_the_client_sent_is_dropped_in_its_order() -> None:
    amendment = amend(["seed", "model", "top_k", "min_p"], {"top_k", "seed"}, asks_stream=False)
    assert amendment.dropped == ("seed", "top_k")
    assert amendment.is_any


def test_what_was_not_sent_is_not_told() -> None:
    amendment = amend(["model"], {"top_k", "return_progress"}, asks_stream=True)
    assert amendment.dropped == ()
    assert amendment.unsent == {"return_progress"}


@pytest.mark.parametrize("name", NEVER)
def test_what_belongs_to_the_question_is_never_touched(name: str) -> None:
    assert amendable([name]) == ()
    assert not amend([name], {name}, asks_stream=True).is_any


def test_each_group_has_its_reason_and_each_field_one_group() -> None:
    names = [name for group in DROPPABLE for name in group.names]
    assert len(names) == len(set(names))
    assert all(group.reason.endswith(".") for group in DROPPABLE)


@pytest.mark.parametrize(
    ("fields", "refused", "renamed"),
    [
        (["max_tokens"], {"max_tokens"}, {"max_tokens": "max_completion_tokens"}),
        (
            ["max_completion_tokens"],
            {"max_completion_tokens"},
            {"max_completion_tokens": "max_tokens"},
        ),
        # Both: which of two bounds holds is the client's to say.
        (["max_tokens", "max_completion_tokens"], {"max_tokens"}, {}),
        # A server that was seen to refuse both knows neither.
        (["max_tokens"], {"max_tokens", "max_completion_tokens"}, {}),
        (["max_tokens"], {"max_completion_tokens"}, {}),
    ],
)  # fmt: skip
def test_a_bound_goes_under_its_other_name(
    fields: list[str], refused: set[str], renamed: dict[str, str]
) -> None:
    amendment = amend(fields, refused, asks_stream=False)
    assert amendment.renamed == renamed
    assert amendment.dropped == ()
    assert bool(amendable(fields)) == (len(fields) == 1)


@pytest.mark.parametrize(
    ("refused", "from_stream", "from_object"),
    [
        ({STREAM_REFUSED}, False, False),
        ({WHOLE_REFUSED}, True, True),
        ({STREAM_REFUSED, WHOLE_REFUSED}, True, False),
        ({"top_k"}, True, False),
    ],
)
def test_the_reply_is_asked_for_in_the_other_way(
    refused: set[str], from_stream: bool, from_object: bool
) -> None:
    assert amend(["stream"], refused, asks_stream=True).asks_stream is from_stream
    assert amend(["stream"], refused, asks_stream=False).asks_stream is from_object


def test_bounds_stand_in_for_each_other_in_openais_old_dialects_only() -> None:
    for dialect in ("chat", "completions"):
        amendment = amend(["max_tokens"], {"max_tokens"}, asks_stream=True, dialect=dialect)
        assert amendment.renamed == {"max_tokens": "max_completion_tokens"}
    for dialect in ("responses", "messages"):
        assert not amend(["max_tokens"], {"max_tokens"}, asks_stream=True, dialect=dialect).is_any
        assert amendable(["max_tokens"], dialect) == ()


@pytest.mark.parametrize(
    ("dropped", "sent", "told"),
    [
        (("top_k", "seed"), ("seed", "top_k"), ("top_k", "seed")),
        (("reasoning_effort",), ("model", "reasoning"), ("reasoning",)),
        (("reasoning_effort",), ("thinking", "output_config"), ("thinking", "output_config")),
        (("reasoning",), ("reasoning_effort",), ("reasoning_effort",)),
        (("verbosity",), ("text",), ("text",)),
        (("metadata",), ("user",), ("user",)),
        (("store", "include"), ("messages",), ()),
    ],
)
def test_fields_are_told_by_the_names_that_the_client_used(
    dropped: tuple[str, ...], sent: tuple[str, ...], told: tuple[str, ...]
) -> None:
    assert as_sent(dropped, sent) == told
