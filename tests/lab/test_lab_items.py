"""Responses and Messages: healthy scenarios are strict, broken ones are not, agents can work."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from anthropic.types import Message, RawMessageStreamEvent
from lab_dialects import expected, names_in, told_by, values_in
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from strictwire.lab.ask import Ask, Dialect
from strictwire.lab.scenarios import (
    MESSAGES_SCENARIOS,
    RESPONSES_SCENARIOS,
    SCENARIOS_OF,
    Scenario,
)
from strictwire.lab.scenarios.messages.strict import strict_message, strict_message_stream
from strictwire.lab.scenarios.responses.strict import strict_response, strict_response_stream
from strictwire.lab.scenarios.scenario import MESSAGES_ASK, RESPONSES_ASK
from strictwire.model.errors import CallerError

DIALECTS: tuple[Dialect, ...] = ("responses", "messages")
STRICTLY = {
    "responses": (strict_response_stream, strict_response),
    "messages": (strict_message_stream, strict_message),
}
ASKS = {"responses": RESPONSES_ASK, "messages": MESSAGES_ASK}
CASES = [(row, dialect) for dialect in DIALECTS for row in SCENARIOS_OF[dialect].values()]
IDS = [f"{row.name}-{dialect}" for row, dialect in CASES]
# Where nothing is wrong but what ends it, or how long it waits.
HARMLESS = ("-prefill-silent", "-no-done-marker", "-no-count-tokens")
SCHEMA = (
    Path(__file__).resolve().parents[3] / "shared/data/openai-schema/responses.relaxed.schema.json"
)


def is_healthy(row: Scenario) -> bool:
    faulty = row.rules or row.faults or row.whole_rules or row.whole_faults
    return not (faulty or row.failure or row.quirks)


HEALTHY = [(row, dialect) for row, dialect in CASES if is_healthy(row)]
EACH = pytest.mark.parametrize(("row", "dialect"), CASES, ids=IDS)
EACH_HEALTHY = pytest.mark.parametrize(
    ("row", "dialect"), HEALTHY, ids=[f"{row.name}-{dialect}" for row, dialect in HEALTHY]
)


def frames_of(row: Scenario, dialect: Dialect, *, is_stream: bool = True) -> tuple[bytes, ...]:
    return row.reply(replace(row.ask_in(dialect), is_stream=is_stream)).frames


# ---- the tables ----


def test_which_rows_are_told_where() -> None:
    told = {row.name for row, dialect in HEALTHY if dialect == "responses"}
    assert {"healthy-text", "healthy-tools", "healthy-logprobs", "responses-custom-tool"} <= told
    told = {row.name for row, dialect in HEALTHY if dialect == "messages"}
    assert {"healthy-text", "healthy-reasoning", "messages-thinking"} <= told
    for name in ("healthy-n2", "healthy-function-call", "finish-empty", "quirky-everything"):
        assert name not in RESPONSES_SCENARIOS | MESSAGES_SCENARIOS
    assert "healthy-refusal" in RESPONSES_SCENARIOS
    assert "healthy-refusal" not in MESSAGES_SCENARIOS
    assert "error-429-html" in RESPONSES_SCENARIOS.keys() & MESSAGES_SCENARIOS.keys()


@EACH
def test_a_reply_is_the_same_each_time(row: Scenario, dialect: Dialect) -> None:
    for is_stream in (True, False):
        assert frames_of(row, dialect, is_stream=is_stream) == frames_of(
            row, dialect, is_stream=is_stream
        )


@EACH
def test_what_is_not_healthy_differs_from_the_strict_wire(row: Scenario, dialect: Dialect) -> None:
    if is_healthy(row) or row.name.endswith(HARMLESS):
        return
    ask = ASKS[dialect]
    builders = zip((ask, replace(ask, is_stream=False)), STRICTLY[dialect], strict=True)
    assert any(row.reply(one) != strictly(row.tell(one), one) for one, strictly in builders)


@EACH
def test_an_expectation_is_a_whole_answer_or_an_error(row: Scenario, dialect: Dialect) -> None:
    for is_stream in (True, False):
        expect = row.expect_for(replace(row.ask_in(dialect), is_stream=is_stream))
        is_whole = bool(expect.choices) and all(one.finish_reason for one in expect.choices)
        assert is_whole == (expect.error is None)


# ---- what healthy ones say ----


@EACH_HEALTHY
def test_a_healthy_reply_says_what_is_expected(row: Scenario, dialect: Dialect) -> None:
    ask = row.ask_in(dialect)
    right = expected(dialect, row.expect_for(ask))
    assert told_by(dialect, frames_of(row, dialect)) == right
    assert told_by(dialect, frames_of(row, dialect, is_stream=False)) == right


@EACH_HEALTHY
def test_a_healthy_stream_names_and_counts_its_events(row: Scenario, dialect: Dialect) -> None:
    frames = frames_of(row, dialect)
    values = values_in(frames)
    assert names_in(frames) == [value["type"] for value in values]
    if dialect == "responses":
        assert [value["sequence_number"] for value in values] == list(range(len(values)))
        assert [value["type"] for value in values[:2]] == [
            "response.created",
            "response.in_progress",
        ]
        assert frames[-1] == b"data: [DONE]\n\n"
        items = [v["item"] for v in values if v["type"] == "response.output_item.done"]
        assert items == values[-1]["response"]["output"]
    else:
        kinds = [value["type"] for value in values]
        assert kinds[:2] == ["message_start", "ping"]
        assert kinds[-2:] == ["message_delta", "message_stop"]


@EACH_HEALTHY
def test_the_official_types_take_a_healthy_reply(row: Scenario, dialect: Dialect) -> None:
    events: TypeAdapter[Any]
    if dialect == "responses":
        events, whole = TypeAdapter(ResponseStreamEvent), Response
    else:
        events, whole = TypeAdapter(RawMessageStreamEvent), Message
    for value in values_in(frames_of(row, dialect)):
        if value["type"] != "ping":
            events.validate_python(value, strict=True)
    (value,) = values_in(frames_of(row, dialect, is_stream=False))
    whole.model_validate(value, strict=True)


@pytest.mark.skipif(not SCHEMA.exists(), reason="needs the published schema")
def test_the_published_schema_takes_every_healthy_response() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    bundle = json.loads(SCHEMA.read_text("utf-8"))
    judges: dict[str, Any] = {}
    for row, dialect in HEALTHY:
        if dialect != "responses":
            continue
        for value in values_in(frames_of(row, dialect)):
            name = bundle["x-response-stream-events"][value["type"]]
            if name not in judges:
                schema = {"$defs": bundle["$defs"], "$ref": f"#/$defs/{name}"}
                judges[name] = jsonschema.Draft202012Validator(schema)
            assert judges[name].is_valid(value), (row.name, value["type"])


def test_a_response_repeats_what_was_asked() -> None:
    tools = [{"type": "function", "name": "get_weather", "parameters": {}, "strict": True}]
    body = {"model": "m", "input": "hi", "tools": tools, "temperature": 0.5, "metadata": {"a": "b"}}
    ask = Ask.parse(json.dumps(body).encode(), dialect="responses")
    (value,) = values_in(RESPONSES_SCENARIOS["healthy-tools"].reply(ask).frames)
    assert (value["tools"], value["temperature"], value["metadata"]) == (tools, 0.5, {"a": "b"})


# ---- agents ----

COMMAND = {
    "type": "object",
    "properties": {"command": {"type": "string"}},
    "required": ["command"],
}
WORDS = {
    "type": "object",
    "properties": {"command": {"type": "array", "items": {"type": "string"}}},
    "required": ["command"],
}
CMD = {"type": "object", "properties": {"cmd": {"type": "string"}}, "required": ["cmd"]}
PLAN = {"type": "object", "properties": {"plan": {"type": "array"}}, "required": ["plan"]}


def function(name: str, parameters: dict[str, Any]) -> dict[str, Any]:
    return {"type": "function", "name": name, "parameters": parameters, "strict": False}


CODEX_TOOLS: list[dict[str, Any]] = [
    function("update_plan", PLAN),
    {"type": "web_search"},
    {"type": "custom", "name": "apply_patch", "format": {"type": "grammar"}},
    {"type": "namespace", "name": "agents", "tools": [function("spawn", PLAN)]},
]


def codex(*tools: dict[str, Any], input: object = "run it", **more: object) -> Ask:  # noqa: A002
    body = {"model": "m", "stream": True, "input": input, "tools": [*CODEX_TOOLS, *tools], **more}
    return Ask.parse(json.dumps(body).encode(), dialect="responses")


def claude(messages: list[Any]) -> Ask:
    tools = [
        {"name": "Read", "input_schema": {"type": "object", "required": ["file_path"]}},
        {"name": "Bash", "input_schema": COMMAND},
        {"type": "web_search_20250305", "name": "web_search"},
    ]
    body = {"model": "m", "stream": True, "max_tokens": 9, "messages": messages, "tools": tools}
    return Ask.parse(json.dumps(body).encode(), dialect="messages")


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        (function("shell", WORDS), {"command": ["echo", "strictwire-lab"]}),
        (function("exec_command", CMD), {"cmd": "echo strictwire-lab"}),
        (function("shell", COMMAND), {"command": "echo strictwire-lab"}),
    ],
)
def test_codex_gets_a_command_it_can_run(tool: dict[str, Any], arguments: object) -> None:
    row = RESPONSES_SCENARIOS["healthy-tools"]
    told = told_by("responses", row.reply(codex(tool)).frames)
    assert told.said[3] == [("", tool["name"], arguments)]


def test_a_custom_and_a_namespaced_tool_are_called_where_the_scenario_says_so() -> None:
    ask = codex(function("shell", COMMAND))
    told = told_by("responses", RESPONSES_SCENARIOS["responses-custom-tool"].reply(ask).frames)
    assert told.said[3] == [("", "apply_patch", "echo strictwire-lab")]
    told = told_by("responses", RESPONSES_SCENARIOS["responses-namespaced-tool"].reply(ask).frames)
    assert [call[:2] for call in told.said[3]] == [("agents", "spawn")]


def test_a_tool_without_arguments_is_called_by_its_whole_name() -> None:
    """An agent knows no tool of that name outside of its namespace."""
    bare = {"type": "namespace", "name": "goals", "tools": [function("get_goal", {})]}
    row = RESPONSES_SCENARIOS["responses-bare-tool"]
    told = told_by("responses", row.reply(codex(bare)).frames)
    assert told.said[3] == [("goals", "get_goal", {})]


@pytest.mark.parametrize(
    "output",
    [
        "strictwire-lab\n",
        "Chunk ID: 1\nProcess exited with code 0\nOutput:\nstrictwire-lab\n",
        [{"type": "input_text", "text": "strictwire-lab\n"}],
    ],
)
def test_codex_hears_its_tools_result_and_calls_no_more(output: object) -> None:
    turn = [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "run"}]},
        {"type": "function_call", "call_id": "call_1", "name": "shell", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": output},
        {"type": "message", "role": "developer", "content": "be quick"},
    ]
    ask = codex(function("shell", COMMAND), input=turn)
    said = told_by("responses", RESPONSES_SCENARIOS["healthy-tools"].reply(ask).frames).said
    assert said[0] == "The tool said: strictwire-lab\n"
    assert (said[3], said[4]) == ([], "stop")


def test_claude_code_gets_a_command_and_hears_its_result() -> None:
    row = MESSAGES_SCENARIOS["healthy-tools"]
    first = [{"role": "user", "content": "run"}, {"role": "system", "content": "be quick"}]
    told = told_by("messages", row.reply(claude(first)).frames)
    assert told.said[3] == [("", "Bash", {"command": "echo strictwire-lab"})]
    result = {"type": "tool_result", "tool_use_id": "call_1", "content": "strictwire-lab"}
    parts = {**result, "content": [{"type": "text", "text": "strictwire-lab"}]}
    for told_result in (result, parts):
        reminder = {"type": "text", "text": "<system-reminder>"}
        turn = [
            *first,
            {"role": "assistant", "content": [{"type": "tool_use", "id": "call_1"}]},
            {"role": "user", "content": [told_result, reminder]},
        ]
        said = told_by("messages", row.reply(claude(turn)).frames).said
        assert (said[0], said[3]) == ("The tool said: strictwire-lab", [])


@pytest.mark.parametrize(
    ("dialect", "choice", "name"),
    [
        ("responses", {"type": "function", "name": "update_plan"}, "update_plan"),
        ("responses", {"type": "custom", "name": "apply_patch"}, "apply_patch"),
    ],
)
def test_the_forced_tool_is_called(dialect: str, choice: object, name: str) -> None:
    ask = codex(function("shell", COMMAND), tool_choice=choice)
    told = told_by("responses", RESPONSES_SCENARIOS["healthy-tools"].reply(ask).frames)
    assert [call[1] for call in told.said[3]] == [name]


@pytest.mark.parametrize(
    "body",
    [
        {"max_tokens": 1},
        {"messages": []},
        {"messages": [], "max_tokens": 0},
        {"messages": [], "max_tokens": "9"},
        {"messages": {}, "max_tokens": 9},
    ],
)
def test_a_message_request_needs_messages_and_max_tokens(body: dict[str, object]) -> None:
    with pytest.raises(CallerError) as caught:
        Ask.parse(json.dumps({"model": "m", **body}).encode(), dialect="messages")
    assert caught.value.param in ("messages", "max_tokens")


def test_a_response_request_needs_input() -> None:
    with pytest.raises(CallerError) as caught:
        Ask.parse(b'{"model": "m", "input": {}}', dialect="responses")
    assert caught.value.param == "input"
    Ask.parse(b'{"model": "m", "previous_response_id": "resp_1"}', dialect="responses")
