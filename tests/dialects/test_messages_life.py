"""The life of a message: the healthy one untouched, each broken one made whole, each bound kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from messages_streams import (
    HEALTHY,
    PING,
    PROMISE,
    STOP,
    Value,
    accumulated,
    assert_strict,
    begun,
    call_begun,
    delta,
    ended,
    live,
    piece,
    plain,
    signed,
    start,
    stopped,
    text,
    text_begun,
    thinking_begun,
    thought,
)

from strictwire.dialects.messages import MessagesLife
from strictwire.dialects.messages.block_order import MAX_HELD_BYTES
from strictwire.model.chunks import Chunk
from strictwire.model.errors import PeerError

REST = HEALTHY[2:]


def without(kind: str) -> list[Value]:
    return [value for value in HEALTHY if value["type"] != kind]


def changed(kind: str, **fields: Any) -> list[Value]:
    return [value | fields if value["type"] == kind else value for value in HEALTHY]


def at_index(index: int | None) -> list[Value]:
    return [
        {n: v for n, v in value.items() if n != "index"} | ({} if index is None else {"index": 0})
        if "index" in value
        else value
        for value in HEALTHY
    ]


def shifted(by: int) -> list[Value]:
    return [v | {"index": v["index"] + by} if "index" in v else v for v in HEALTHY]


# ---- healthy ----


def test_a_healthy_message_passes_as_the_same_objects() -> None:
    life = MessagesLife(PROMISE)
    told = [Chunk(value, raw=b"{}") for value in HEALTHY]
    out = [strict for chunk in told for strict in life.feed(chunk)]
    assert len(out) == len(told)
    assert all(one is other for one, other in zip(out, told, strict=True))
    assert life.mended == frozenset()
    assert_strict(HEALTHY)


def test_only_a_ping_is_added_to_a_healthy_message_without_one() -> None:
    lived = live(without("ping"))
    assert (tuple(lived.values), lived.mended) == (HEALTHY, frozenset())


def test_what_only_anthropic_knows_passes() -> None:
    search = begun(0, type="server_tool_use", id="s", name="web_search", input={})
    found = begun(
        1, type="web_search_tool_result", tool_use_id="s", content=[], caller={"type": "direct"}
    )
    cited = {
        "type": "web_search_result_location",
        "cited_text": "a",
        "encrypted_index": "e",
        "title": None,
        "url": "https://a.example",
    }
    values = [
        start(),
        PING,
        search,
        piece(0, '{"query": "a"}'),
        stopped(0),
        found,
        stopped(1),
        PING,
        begun(2, type="redacted_thinking", data="x"),
        stopped(2),
        begun(3, type="text", text="", citations=[]),
        delta(3, "citations_delta", citation=cited),
        text(3, "b"),
        stopped(3),
        begun(4, type="container_upload", file_id="f"),
        delta(4, "new_delta", more=1),
        stopped(4),
        {"type": "new_event", "more": 1},
        ended("pause_turn"),
        STOP,
    ]
    lived = live(values)
    assert (lived.values, lived.mended) == (values, frozenset())


def test_anthropics_own_way_to_call_without_input_passes() -> None:
    values = [start(), PING, call_begun(0), piece(0, ""), stopped(0), ended("tool_use"), STOP]
    lived = live(values)
    assert (lived.values, lived.mended) == (values, frozenset())
    assert plain(accumulated(values))[0]["input"] == {}


# ---- broken ----

BARE_START = {"type": "message_start", "message": {"id": "msg_1", "model": "m"}}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "weather"}

# What comes, and the rules that make the healthy message of it. The envelope may differ.
BROKEN: dict[str, tuple[list[Value], set[str]]] = {
    "no start": (list(REST), {"messages.start-missing"}),
    "a bare start": ([BARE_START, *REST], {"messages.start-fields"}),
    "a start without a message": ([{"type": "message_start"}, *REST], {"messages.start-fields"}),
    "content null": ([start(content=None), *REST], {"messages.start-fields"}),
    "a start twice": ([start(), *HEALTHY], {"messages.start-fields"}),
    "usage null": ([start(usage={"input_tokens": None}), *REST], {"messages.usage"}),
    "usage negative": (
        [start(usage={"input_tokens": 3, "output_tokens": -1}), *REST],
        {"messages.usage"},
    ),
    "no block starts": (
        [value for value in HEALTHY if value not in (thinking_begun(0), text_begun(1))],
        {"messages.block-start-missing"},
    ),
    "no block stops": (without("content_block_stop"), {"messages.block-stop-missing"}),
    "stops twice": (
        [*HEALTHY[:11], stopped(1), *HEALTHY[11:15], stopped(2), *HEALTHY[15:]],
        {"messages.block-stop-missing"},
    ),
    "one index": (at_index(0), {"messages.block-index"}),
    "no index": (at_index(None), {"messages.block-index"}),
    "indexes from 1": (shifted(1), {"messages.block-index"}),
    "a start again": (
        [*HEALTHY[:3], HEALTHY[2], *HEALTHY[3:]],
        {"messages.block-index"},
    ),
    "text in the start": (
        [
            *HEALTHY[:2],
            begun(0, type="thinking", thinking="Let me see", signature="c2VhbA=="),
            stopped(0),
            begun(1, type="text", text="It is warm."),
            stopped(1),
            *HEALTHY[11:],
        ],
        {"messages.block-start-missing"},
    ),
    "content in the start": (
        [
            start(
                content=[
                    {"type": "thinking", "thinking": "Let me see", "signature": "c2VhbA=="},
                    {"type": "text", "text": "It is warm."},
                    CALL | {"input": {"city": "Paris"}},
                ]
            ),
            ended("tool_use"),
            STOP,
        ],
        {"messages.start-fields", "messages.block-start-missing", "messages.tool-input"},
    ),
    "a block without fields": (
        [*HEALTHY[:7], begun(1, type="text"), *HEALTHY[8:]],
        {"messages.block-start-missing"},
    ),
    "no input in the start": (
        [*HEALTHY[:11], begun(2, **CALL), *HEALTHY[12:]],
        {"messages.tool-input"},
    ),
    "input in the start": (
        [*HEALTHY[:11], begun(2, **CALL, input={"city": "Paris"}), *HEALTHY[14:]],
        {"messages.tool-input"},
    ),
    "input in the start and in deltas": (
        [*HEALTHY[:11], begun(2, **CALL, input={"city": "Paris"}), *HEALTHY[12:]],
        {"messages.tool-input"},
    ),
    "input as text in the start": (
        [*HEALTHY[:11], begun(2, **CALL, input='{"city": "Paris"}'), *HEALTHY[14:]],
        {"messages.tool-input"},
    ),
    "input as an object in a delta": (
        [
            *HEALTHY[:12],
            delta(2, "input_json_delta", partial_json={"city": "Paris"}),
            *HEALTHY[14:],
        ],
        {"messages.tool-input"},
    ),
    "no stop reason": ([*HEALTHY[:-2], ended(None), STOP], {"messages.stop-reason"}),
    "end_turn after a call": ([*HEALTHY[:-2], ended(), STOP], {"messages.stop-reason"}),
    "a reason of chat": ([*HEALTHY[:-2], ended("tool_calls"), STOP], {"messages.stop-reason"}),
    "an unknown reason": ([*HEALTHY[:-2], ended("eos"), STOP], {"messages.stop-reason"}),
    "no stop": (without("message_stop"), {"messages.stop-missing"}),
    "no usage": (
        [*HEALTHY[:-2], {"type": "message_delta", "delta": HEALTHY[-2]["delta"]}, STOP],
        {"messages.usage"},
    ),
    "a bare delta": (
        [
            *HEALTHY[:-2],
            {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {}},
            STOP,
        ],
        {"messages.usage", "messages.message-delta"},
    ),
    "no message_delta": (without("message_delta"), {"messages.message-delta"}),
    "message_delta twice": (
        [*HEALTHY[:-2], ended("tool_use", {"output_tokens": 3}), *HEALTHY[-2:]],
        {"messages.message-delta"},
    ),
    "reason and usage apart": (
        [*HEALTHY[:-2], ended("tool_use", {"output_tokens": 0}), ended(None), STOP],
        {"messages.message-delta"},
    ),
    "message_delta before the last block": (
        [*HEALTHY[:11], ended("tool_use"), *HEALTHY[11:-2], STOP],
        set(),
    ),
    "interleaved": (
        [
            *HEALTHY[:11],
            call_begun(2, "weather"),
            call_begun(3, "f", "toolu_2"),
            piece(2, '{"city": '),
            piece(3, '{"a'),
            piece(2, '"Paris"}'),
            piece(3, '": 1}'),
            stopped(3),
            stopped(2),
            *HEALTHY[-2:],
        ],
        {"messages.block-index", "messages.block-stop-missing"},
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_broken_comes_out_whole(case: str) -> None:
    values, rules = BROKEN[case]
    lived = live(values, done=False)
    assert_strict(lived.values)
    assert lived.mended == rules
    told, whole = accumulated(lived.values), accumulated(HEALTHY)
    assert plain(told)[:3] == plain(whole)
    assert told["stop_reason"] == "tool_use"
    again = live(lived.values, done=False)
    assert (again.values, again.mended) == (lived.values, frozenset())


def test_interleaved_calls_go_out_one_after_the_other() -> None:
    told = accumulated(live(BROKEN["interleaved"][0]).values)
    assert [block.get("input") for block in told["content"]][2:] == [{"city": "Paris"}, {"a": 1}]


def test_a_call_without_an_id_or_an_input_gets_them() -> None:
    lived = live(
        [start(), begun(0, type="tool_use", name="f"), stopped(0), ended("tool_use"), STOP]
    )
    assert_strict(lived.values)
    assert lived.mended == {"messages.tool-id", "messages.tool-input"}
    (block,) = plain(accumulated(lived.values))
    assert block == {"type": "tool_use", "id": "toolu_own_0", "name": "f", "input": {}}
    assert piece(0, "{}") in lived.values


def test_a_start_that_tells_all_tells_the_end_too() -> None:
    content = [{"type": "text", "text": "a"}]
    whole = start({"input_tokens": 3, "output_tokens": 8}, content=content)
    whole["message"]["stop_reason"] = "max_tokens"
    lived = live([whole], done=False)
    assert_strict(lived.values)
    told = accumulated(lived.values)
    assert (plain(told), told["stop_reason"]) == (content, "max_tokens")
    assert told["usage"]["output_tokens"] == 8
    # Without content it is a reason that was told too early: the rest may be missing.
    whole["message"]["content"] = []
    assert live([whole], done=False).values[-1]["type"] == "message_start"


def test_input_without_a_call_is_told_as_one() -> None:
    lived = live([start(), piece(0, '{"a": 1}'), stopped(0), ended("tool_use"), STOP])
    assert_strict(lived.values)
    (block,) = plain(accumulated(lived.values))
    assert (block["name"], block["input"]) == ("", {"a": 1})
    assert lived.mended == {"messages.block-start-missing", "messages.tool-id"}


def test_tool_use_without_a_call_is_no_reason() -> None:
    lived = live([start(), text_begun(0), text(0, "a"), stopped(0), ended("tool_use"), STOP])
    assert lived.values[-2]["delta"]["stop_reason"] == "end_turn"
    assert lived.mended == {"messages.stop-reason"}


@pytest.mark.parametrize("reason", ["max_tokens", "refusal", "stop_sequence", "pause_turn"])
def test_a_fact_about_the_reply_stays(reason: str) -> None:
    lived = live([*HEALTHY[:-2], ended(reason), STOP])
    assert (lived.values[-2]["delta"]["stop_reason"], lived.mended) == (reason, frozenset())


def test_the_output_told_only_at_the_start_is_told_at_the_end() -> None:
    begin = start(usage={"input_tokens": 3, "output_tokens": 8})
    lived = live([begin, *REST[:-2], ended("tool_use", {"input_tokens": 3}), STOP])
    assert lived.values[-2]["usage"] == {"input_tokens": 3, "output_tokens": 8}


def test_an_empty_prompt_is_told_as_the_estimate() -> None:
    promise = replace(PROMISE, prompt_tokens=40)
    nothing = {"input_tokens": 0, "output_tokens": 0}
    lived = live([start(usage=nothing), *REST], promise)
    assert lived.values[0]["message"]["usage"]["input_tokens"] == 40
    assert lived.mended == {"messages.usage"}
    cached = nothing | {"cache_read_input_tokens": 13}
    assert live([start(usage=cached), *REST], promise).mended == frozenset()
    assert live(REST, promise).values[0]["message"]["usage"]["input_tokens"] == 40


def test_a_pinned_model_is_told_always() -> None:
    lived = live(HEALTHY, replace(PROMISE, is_model_pinned=True))
    assert lived.values[0]["message"]["model"] == "asked"
    assert lived.mended == frozenset()


def test_late_reasoning_begins_a_block_again() -> None:
    """Blocks do not interleave, so what comes for a block that was ended is a block of its own."""
    lived = live(
        [
            start(),
            text_begun(0),
            text(0, "a"),
            thinking_begun(1),
            thought(1, "b"),
            text(0, "c"),
            stopped(1),
            stopped(0),
            ended(),
            STOP,
        ]
    )
    assert_strict(lived.values)
    told = plain(accumulated(lived.values))
    assert [block.get("text") or block.get("thinking") for block in told] == ["a", "b", "c"]


def test_what_says_nothing_is_left_out() -> None:
    nothing: list[Value] = [
        {"type": "content_block_start", "index": 0, "content_block": None},
        {"type": "content_block_delta", "index": 0, "delta": None},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": None}},
        {"type": "a\n\ndata: b"},
        {"type": ""},
        {"choices": []},
    ]
    lived = live([*HEALTHY[:2], *nothing, *REST])
    assert tuple(lived.values) == HEALTHY


# ---- the end ----


@pytest.mark.parametrize("size", range(len(HEALTHY)))
def test_a_stream_that_is_cut_has_no_end(size: int) -> None:
    lived = live(HEALTHY[:size], done=False)
    has_reason = size == len(HEALTHY) - 1
    assert (lived.values[-1:] == [STOP]) == has_reason
    assert lived.mended == ({"messages.stop-missing"} if has_reason else set())


@pytest.mark.parametrize("size", range(1, len(HEALTHY)))
def test_a_terminal_of_chat_is_a_good_end(size: int) -> None:
    lived = live(HEALTHY[:size], done=True)
    assert_strict(lived.values)
    assert "messages.stop-missing" in lived.mended


def test_nothing_follows_the_end_or_a_failure() -> None:
    lived = live([*HEALTHY, *HEALTHY], done=True)
    assert tuple(lived.values) == HEALTHY
    life = MessagesLife(PROMISE)
    (told,) = life.fail(PeerError("no", status=429))
    assert told.value == {"type": "error", "error": {"type": "rate_limit_error", "message": "no"}}
    assert [*life.feed(Chunk(HEALTHY[0])), *life.end(has_terminal=True)] == []


def test_nothing_at_all_has_no_good_end() -> None:
    assert live([], done=True).values == []
    assert live([PING], done=True).values == []


def test_it_lingers_when_only_the_end_may_come() -> None:
    life = MessagesLife(PROMISE)
    lingers = []
    for value in HEALTHY:
        list(life.feed(Chunk(value)))
        lingers.append(life.is_lingering)
    assert lingers == [False] * (len(HEALTHY) - 2) + [True, False]


# ---- what it holds ----


def test_what_waits_is_bounded() -> None:
    life = MessagesLife(PROMISE)
    for value in (start(), call_begun(0), piece(0, "{")):
        list(life.feed(Chunk(value)))
    large = Chunk(text(1, "a" * (MAX_HELD_BYTES // 2)))
    assert list(life.feed(large)) == []
    with pytest.raises(PeerError) as raised:
        list(life.feed(large))
    assert raised.value.code == "upstream_reply_too_large"


def test_a_repeated_end_is_bounded() -> None:
    life = MessagesLife(PROMISE)
    usages = [{name: "a" * (MAX_HELD_BYTES // 2)} for name in ("a", "b", "c")]
    for usage in usages[:2]:
        list(life.feed(Chunk(ended(usage=usage))))
    with pytest.raises(PeerError):
        list(life.feed(Chunk(ended(usage=usages[2]))))


def test_what_went_out_is_held_no_more() -> None:
    life = MessagesLife(PROMISE)
    for value in (start(), call_begun(0), piece(0, "{"), text(1, "b" * 999)):
        list(life.feed(Chunk(value)))
    assert life.size_bytes > 999
    list(life.feed(Chunk(piece(0, "}"))))
    assert life.size_bytes == 0


def test_text_changes_no_state() -> None:
    life = MessagesLife(PROMISE)
    for value in (start(), PING, text_begun(0), text(0, "a")):
        list(life.feed(Chunk(value)))
    state = life.state()
    list(life.feed(Chunk(text(0, "b"))))
    life.spliced("c")
    assert (life.state(), life.next_number, life.is_full) == (state, None, False)


@given(st.integers(0, len(HEALTHY) - 2))
def test_a_trial_changes_nothing(size: int) -> None:
    values = BROKEN["interleaved"][0]
    life = MessagesLife(PROMISE)
    for value in values[:size]:
        list(life.feed(Chunk(value)))
    state = life.state()
    tried = [one.value for value in values[size:] for one in life.trial().feed(Chunk(value))]
    twin = life.trial()
    whole = [one.value for value in values[size:] for one in twin.feed(Chunk(value))]
    assert life.state() == state
    assert tried or not values[size:]
    assert [one.value for value in values[size:] for one in life.feed(Chunk(value))] == whole


# ---- whatever comes ----

LOOSE = st.sampled_from(
    [
        *HEALTHY,
        *(value for case in BROKEN.values() for value in case[0]),
        text(1, "b"),
        piece(3, "}"),
        signed(7, "s"),
        stopped(4),
        {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "c"}},
    ]
)


@pytest.mark.properties
@given(st.lists(LOOSE, max_size=40))
def test_whatever_comes_what_goes_out_is_strict(values: list[Value]) -> None:
    lived = live([start(), *values], done=True)
    assert_strict(lived.values)
    again = live(lived.values)
    assert (again.values, again.mended) == (lived.values, frozenset())


@pytest.mark.properties
@given(st.lists(LOOSE.filter(lambda value: "delta" in value or "index" in value), max_size=40))
def test_whatever_comes_each_text_of_a_delta_goes_out_once(values: list[Value]) -> None:
    bare = [value | EMPTY_TEXT if starts_with_text(value) else value for value in values]
    lived = live([start(), *bare, STOP])
    assert sorted(texts_of(lived.values)) == sorted(texts_of(bare))


EMPTY_TEXT = {"content_block": {"type": "text", "text": ""}}


def starts_with_text(value: Value) -> bool:
    block = value.get("content_block")
    return bool(block and (block.get("text") or block.get("thinking")))


def texts_of(values: list[Value]) -> list[str]:
    deltas = [value["delta"] for value in values if value["type"] == "content_block_delta"]
    told = [delta.get("text") or delta.get("thinking") for delta in deltas]
    return [text for text in told if text]
