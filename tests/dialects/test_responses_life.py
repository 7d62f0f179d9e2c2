"""The life of a Responses reply: whatever a server leaves out, the client gets the whole of it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialects.responses_judge import check_object, check_order, check_stream
from dialects.responses_streams import (
    PROMISE,
    RESPONSE,
    Event,
    Script,
    chunk,
    dropped,
    each,
    healthy,
    lived,
    short,
    told,
    without,
)
from strictwire.dialects.responses import ResponsesLife, ResponsesReader, chunks_of_reply
from strictwire.dialects.responses.ledger import MAX_ITEMS
from strictwire.dialects.responses.life import TERMINALS
from strictwire.model.chunks import Chunk
from strictwire.model.errors import CallerError, PeerError
from strictwire.model.events import (
    Begun,
)
from strictwire.model.request import Promise
from strictwire.repairs.responses import LIFE_ROWS


def promised(**fields: Any) -> Promise:
    return replace(PROMISE, **fields)


Change = Callable[[list[Event]], list[Event]]


# ---- what is in order ----


@pytest.mark.parametrize("script", [healthy, short])
def test_a_healthy_stream_passes_as_the_same_objects(script: Callable[[], list[Event]]) -> None:
    life = ResponsesLife(PROMISE)
    for event in script():
        one = chunk(event)
        assert [strict is one for strict in life.feed(one)] == [True]
    assert not life.mended
    assert list(life.end(has_terminal=True)) == []
    check_stream(script())


def test_interleaved_items_pass() -> None:
    first, second = Script(), Script()
    first.call("fc_1", "look", "{", "}")
    second.call("fc_1", "look", "{", "}")
    second.call("fc_2", "see", "{", "}")
    one = second.events[2:7]
    two = second.events[7:12]
    mixed = [one[0], two[0], one[1], two[1], one[2], two[2], two[3], one[3], two[4], one[4]]
    events = [*second.events[:2], *mixed]
    for number, event in enumerate(events):
        event["sequence_number"] = number
    second.events = events
    life = ResponsesLife(PROMISE)
    assert lived(second.end(), life) == events
    assert not life.mended


# ---- what is broken ----


def _nulled(event: Event) -> Event:
    return event | {"item": None} if event["type"].endswith("item.added") else event


def _renamed(event: Event) -> Event:
    """Another id for the same item in each event."""
    number = event["sequence_number"]
    if "item_id" in event:
        event["item_id"] = f"chatcmpl-{number}"
    if "item" in event and event["type"].endswith("done"):
        event["item"]["id"] = f"chatcmpl-{number}"
    return event


def _at_zero(event: Event) -> Event:
    return event | {"output_index": 0} if "output_index" in event else event


def _of_another_response(event: Event) -> Event:
    if "response" in event:
        event["response"]["id"] = f"resp_{event['sequence_number']}"
    return event


def _bare_response(event: Event) -> Event:
    if event["type"] in ("response.created", "response.in_progress"):
        event["response"] = {"id": "resp_1", "object": "response", "status": "in_progress"}
    return event


def _bare_items(event: Event) -> Event:
    if "item" in event:
        for name in ("id", "status", "role"):
            event["item"].pop(name, None)
    return event


def _empty_output(event: Event) -> Event:
    if event["type"] == "response.completed":
        event["response"]["output"] = []
    return event


def _no_output(event: Event) -> Event:
    if event["type"] == "response.completed":
        del event["response"]["output"]
    return event


def _only_texts(events: list[Event]) -> list[Event]:
    """Deltas of nothing: no items, no parts, no ids, no indexes. Calls cannot be told so."""
    events = [one for one in events if one["type"].endswith("text.delta") or "response" in one]
    return [
        {name: one[name] for name in ("type", "delta", "response") if name in one} for one in events
    ]


def _final_reasoning(events: list[Event]) -> list[Event]:
    """Reasoning stands only in the final output."""
    return [one for one in events if "reasoning" not in one["type"] and not _is_reasoning(one)]


def _is_reasoning(event: Event) -> bool:
    return bool(event.get("item")) and event["item"]["type"] == "reasoning"


def _parts_at_zero(event: Event) -> Event:
    return {name: event[name] for name in event if name not in ("content_index", "summary_index")}


BROKEN: dict[str, tuple[Change, set[str]]] = {
    "no created": (without("response.created"), {"created-missing"}),
    "no in_progress": (without("in_progress"), {"created-missing"}),
    "no beginning": (without("created", "response.in_progress"), {"created-missing"}),
    "bare response": (each(_bare_response), {"response-fields"}),
    "no numbers": (dropped("sequence_number"), {"sequence"}),
    "constant numbers": (each(lambda one: one | {"sequence_number": 0}), {"sequence"}),
    "no added": (without("item.added"), {"item-added-missing"}),
    "null items": (each(_nulled), {"item-fields"}),
    "bare items": (each(_bare_items), {"item-fields"}),
    "changing ids": (each(_renamed), {"item-id"}),
    "one index": (each(_at_zero), {"output-index"}),
    "no index": (dropped("output_index"), {"output-index"}),
    "no parts": (without("part.added", "part.done"), {"part-missing"}),
    "no part indexes": (each(_parts_at_zero), {"part-missing"}),
    "no deltas": (without(".delta"), {"deltas-missing"}),
    "last delta lost": (
        lambda events: [one for one in events if one.get("delta") not in ("lo", ":1}")],
        {"deltas-missing"},
    ),
    "only items done": (
        lambda events: [
            one for one in events if "response" in one or one["type"].endswith("item.done")
        ],
        {"deltas-missing", "item-added-missing"},
    ),
    "no text done": (without("text.done", "arguments.done", "input.done"), {"done-missing"}),
    "no part done": (without("part.done"), {"done-missing"}),
    "no item done": (without("item.done"), {"done-missing"}),
    "no done": (
        lambda events: [one for one in events if not one["type"].endswith(".done")],
        {"done-missing"},
    ),
    "only completed": (lambda events: events[-1:], {"only-final"}),
    "created and completed": (lambda events: [events[0], events[-1]], {"only-final"}),
    "reasoning only in the end": (_final_reasoning, {"only-final"}),
    "empty output": (each(_empty_output), {"output-missing"}),
    "no output": (each(_no_output), {"response-fields"}),
    "no terminal": (without("response.completed"), {"terminal-missing"}),
    "changing response id": (each(_of_another_response), {"envelope"}),
    "no items": (_only_texts, {"item-added-missing", "only-final"}),
    "all twice": (
        lambda events: [one for event in events for one in (event, copy.deepcopy(event))],
        {"sequence", "done-missing"},
    ),
}
# Two deltas that are the same cannot be told from one that came twice.
TWICE = "all twice"


@pytest.mark.parametrize("name", [name for name in BROKEN if name != TWICE])
def test_what_a_server_leaves_out_is_made_up_for(name: str) -> None:
    change, rows = BROKEN[name]
    life = ResponsesLife(PROMISE)
    events = lived(change(short()), life)
    check_stream(events)
    expected = told(short())
    if name == "no terminal":
        del expected["is_ended"]
        expected["is_ended"] = True
    assert told(events) == expected
    assert {f"responses.{row}" for row in rows} <= life.mended


@pytest.mark.parametrize("name", BROKEN)
def test_what_was_mended_is_in_order(name: str) -> None:
    """Mending twice is mending once."""
    change, _ = BROKEN[name]
    once = lived(change(short()))
    life = ResponsesLife(PROMISE)
    assert lived(once, life) == once
    assert not life.mended


@pytest.mark.parametrize("name", [name for name in BROKEN if name != TWICE])
def test_a_long_reply_keeps_all_its_items(name: str) -> None:
    """Text in several parts, a search, a custom tool: what each server tells of it arrives."""
    change, _ = BROKEN[name]
    events = lived(change(healthy()))
    check_stream(events)
    if name == "no items":
        return  # calls and searches are then told only in the end, after the text
    said, expected = told(events), told(healthy())
    assert sorted(said.pop("calls").values()) == sorted(expected.pop("calls").values())
    assert said == expected


def test_every_name_that_the_life_says_is_a_row() -> None:
    rows = {row.name for row in LIFE_ROWS}
    seen: set[str] = set()
    for change, _ in BROKEN.values():
        life = ResponsesLife(PROMISE)
        lived(change(healthy()), life)
        assert life.mended <= rows
        seen |= life.mended
    assert seen == rows


# ---- ends ----


def test_a_stream_that_just_stops_gets_no_end() -> None:
    cut = short()[:-1]
    events = lived(cut, has_terminal=False)
    assert events == cut


def test_nothing_but_a_terminal_is_no_reply() -> None:
    assert lived([]) == []
    assert lived(short()[:2]) == short()[:2]


def test_nothing_comes_after_the_end() -> None:
    events = short()
    late = [*events, {"type": "response.output_text.delta", "delta": "more"}]
    assert lived(late) == events


@pytest.mark.parametrize("cut", range(len(short())))
def test_a_failure_ends_the_life_wherever_it_comes(cut: int) -> None:
    life = ResponsesLife(PROMISE)
    events = [strict.value for one in short()[:cut] for strict in life.feed(chunk(one))]
    events += [strict.value for strict in life.fail(PeerError("Gone.", code="upstream_gone"))]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [event["type"] for event in events[:2]] == ["response.created", "response.in_progress"]
    last = events[-1]
    assert last["type"] == "response.failed"
    assert last["response"]["error"] == {"code": "server_error", "message": "Gone."}
    assert last["response"]["status"] == "failed"
    check_object(last["response"])
    assert list(life.feed(chunk(short()[-1]))) == []
    assert list(life.end(has_terminal=True)) == []


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (PeerError("x", status=429), "rate_limit_exceeded", "x"),
        (
            PeerError("x", status=429, retry_after="3"),
            "rate_limit_exceeded",
            "x Please try again in 3s.",
        ),
        (
            PeerError("Try again in 1.5s.", status=429, retry_after="3"),
            "rate_limit_exceeded",
            "Try again in 1.5s.",
        ),
        (PeerError("x", status=429, retry_after="Fri, 01 Jan"), "rate_limit_exceeded", "x"),
        (PeerError("x", status=503), "server_is_overloaded", "x"),
        (PeerError("x", status=400), "invalid_prompt", "x"),
        (PeerError("x", code="exceed_context_size_error"), "context_length_exceeded", "x"),
        (CallerError("x", code="context_length_exceeded"), "context_length_exceeded", "x"),
        (PeerError("x", code="insufficient_quota", status=429), "insufficient_quota", "x"),
        (PeerError("x"), "server_error", "x"),
    ],
)
def test_a_failure_has_a_code_that_clients_know(error: PeerError, code: str, message: str) -> None:
    (*_, last) = ResponsesLife(PROMISE).fail(error)
    assert last.value["response"]["error"] == {"code": code, "message": message}


@pytest.mark.parametrize("kind", ["response.failed", "response.completed", "response.cancelled"])
@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_a_failure_passes_for_no_success(kind: str, status: str) -> None:
    event = {"type": kind, "sequence_number": 2, "response": RESPONSE | {"status": status}}
    life = ResponsesLife(PROMISE)
    events = lived([*short()[:2], event], life)
    assert [one["type"] for one in events[2:]] == ["response.failed"]
    # The server told of it itself: it is not told once more.
    error = events[2]["response"]["error"]
    again = life.fail(PeerError(error["message"], code=error["code"]))
    assert [one.value for one in again] == events[2:]


@pytest.mark.parametrize("error", [{"code": "server_error", "message": "no"}, "no"])
def test_a_response_with_an_error_is_not_completed(error: Any) -> None:
    last = {"type": "response.completed", "response": RESPONSE | {"error": error}}
    assert lived([*healthy()[:-1], last])[-1]["type"] == "response.failed"


def test_a_failure_is_told_without_the_secrets_that_were_found_in_it() -> None:
    error = {"code": "invalid_api_key", "message": "No such key: sk-dummy.", "param": "sk-dummy"}
    response = RESPONSE | {"status": "failed", "error": error}
    life = ResponsesLife(PROMISE)
    lived([*short()[:2], {"type": "response.failed", "response": response}], life)
    (last,) = life.fail(PeerError("No such key: ***.", code="invalid_api_key"))
    assert "sk-dummy" not in str(last.value)
    assert last.value["response"]["error"]["message"] == "No such key: ***."


def test_the_servers_own_failure_passes_as_it_is() -> None:
    error = {"code": "rate_limit_exceeded", "message": "Try again in 2s."}
    response = RESPONSE | {"status": "failed", "error": error}
    events = [*short()[:2], {"type": "response.failed", "sequence_number": 2, "response": response}]
    assert lived(events) == events


# ---- bounds ----


def test_what_is_gathered_is_bounded() -> None:
    life = ResponsesLife(promised(max_reply_bytes=20_000))
    lived(short()[:8], life, has_terminal=False)
    assert not life.is_full
    big = {"type": "response.output_text.delta", "delta": "a" * 20_000}
    *_, last = life.feed(chunk(big))
    assert last.value["delta"] == big["delta"]  # what is counted goes out
    assert life.is_full
    with pytest.raises(PeerError) as caught:
        life.feed(chunk(big))
    assert caught.value.code == "upstream_reply_too_large"
    told = [one.value for one in life.fail(caught.value)]
    assert [one["type"] for one in told] == ["response.failed"]


def test_items_are_bounded() -> None:
    life = ResponsesLife(promised(max_reply_bytes=2**40))
    items = [{"type": "web_search_call", "id": f"ws_{number}"} for number in range(MAX_ITEMS + 1)]
    *fine, beyond = ({"type": "response.output_item.done", "item": item} for item in items)
    lived(fine, life, has_terminal=False)
    with pytest.raises(PeerError, match="more than"):
        life.feed(chunk(beyond))


# ---- trial, splice, state ----


def test_a_trial_changes_nothing() -> None:
    for change, _ in BROKEN.values():
        events = change(healthy())
        life, alone = ResponsesLife(PROMISE), ResponsesLife(PROMISE)
        for event in events:
            before = life.state()
            trial = life.trial()
            assert trial.state() == before
            tried = [one.value for one in trial.feed(chunk(event))]
            assert life.state() == before
            assert tried == [one.value for one in life.feed(chunk(event))]
            assert tried == [one.value for one in alone.feed(chunk(event))]


def test_what_is_spliced_past_counts() -> None:
    """The life that sees every other delta only by its text tells the same in the end."""
    events = healthy()
    life = ResponsesLife(PROMISE)
    out, state = [], ""
    for event in events:
        is_delta = event["type"].endswith(".delta")
        if is_delta and state == life.state():
            assert life.next_number == event["sequence_number"]
            life.spliced(event["delta"])
            continue
        out += [one.value for one in life.feed(chunk(event))]
        state = life.state() if is_delta else ""
    assert len(out) < len(events)
    assert out[-1] == events[-1]
    assert not life.mended


def test_deltas_do_not_change_the_state() -> None:
    life = ResponsesLife(PROMISE)
    script = Script()
    script.message("msg_1", tuple("abcdefgh"))
    states = []
    for event in script.end():
        life.feed(chunk(event))
        if event["type"].endswith("text.delta"):
            states.append(life.state())
    assert len(states) == 8
    assert len(set(states)) == 1


# ---- whole objects ----


def test_an_object_is_unfolded_and_owes_no_events() -> None:
    response = healthy()[-1]["response"]
    life = ResponsesLife(PROMISE, is_object=True)
    events = [one.value for loose in chunks_of_reply(response) for one in life.feed(loose)]
    check_stream(events)
    assert events[-1]["response"] == response
    assert not life.mended


def test_a_bare_object_is_completed() -> None:
    content = [{"type": "output_text", "text": "Hello"}]
    bare = {"id": "resp_2", "output": [{"type": "message", "content": content}]}
    life = ResponsesLife(PROMISE, is_object=True)
    events = [one.value for loose in chunks_of_reply(bare) for one in life.feed(loose)]
    check_stream(events)
    assert told(events)["text"] == "Hello"
    assert life.mended == {"responses.response-fields", "responses.item-fields"}


# ---- the envelope ----


def test_what_the_server_does_not_tell_comes_from_the_request() -> None:
    echo = {"instructions": "Be brief.", "temperature": 0.2, "store": False, "tools": None}
    events = lived([{"type": "response.output_text.delta", "delta": "a"}],
                   ResponsesLife(promised(echo=echo)))  # fmt: skip
    check_stream(events)
    response = events[-1]["response"]
    assert (response["id"], response["created_at"], response["model"]) == ("resp_own", 7, "asked")
    assert (response["instructions"], response["temperature"]) == ("Be brief.", 0.2)
    assert (response["store"], response["tools"]) == (False, [])


def test_a_pinned_model_is_shown_whatever_the_server_says() -> None:
    life = ResponsesLife(promised(is_model_pinned=True))
    events = lived(short(), life)
    assert {one["response"]["model"] for one in events if "response" in one} == {"asked"}
    assert not life.mended


def test_progress_is_told_apart() -> None:
    progress = {"total": 9, "cache": 0, "processed": 3, "time_ms": 1}
    created, begun = short()[:2]
    batch = begun | {"prompt_progress": progress}
    out = lived([created, batch, batch], has_terminal=False)
    assert out == [created, begun, {"prompt_progress": progress}, {"prompt_progress": progress}]
    reader = ResponsesReader()
    read = [event for one in out for event in reader.feed(Chunk(one))]
    assert [type(event).__name__ for event in read[2:]] == ["Progressed", "Progressed"]
    assert isinstance(read[0], Begun)


# ---- whatever comes ----

FIELDS = ["item_id", "output_index", "content_index", "summary_index", "sequence_number", "item",
          "part", "text", "delta", "logprobs", "response", "arguments", "name"]  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn) -> list[Event]:
    """Events that were lost, came twice or in another order, or lack fields."""
    events: list[Event] = []
    for event in draw(st.sampled_from([healthy, short]))():
        fate = draw(st.integers(0, 9))
        if fate == 0:
            continue
        if fate == 1:
            lost = draw(st.sets(st.sampled_from(FIELDS)))
            event = {name: event[name] for name in event if name not in lost}
        if fate == 2:
            name = draw(st.sampled_from(FIELDS))
            event = event | {name: draw(st.sampled_from([None, 0, 7, "", "x", [], {}, {"a": 1}]))}
        events.append(event)
        if fate == 3:
            events.append(copy.deepcopy(event))
        if fate == 4 and len(events) > 1:
            events[-2], events[-1] = events[-1], events[-2]
    return events


@pytest.mark.properties
@given(events=damaged())
def test_whatever_comes_what_goes_out_is_in_order(events: list[Event]) -> None:
    stream = lived(events)
    if stream and "response" in stream[-1] and stream[-1]["type"] in TERMINALS:
        check_order(stream)
        told(stream)
        # A call that nobody named waits for its name the second time too.
        names = [item.get("name") for item in stream[-1]["response"]["output"]]
        assert "" in names or lived(stream) == stream
    else:
        kinds = [event.get("type") for event in stream]
        assert "response.output_item.added" not in kinds, "items, but no end"
