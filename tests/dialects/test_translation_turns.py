"""Turns that only some servers take: system turns in place, empty texts, odd beginnings."""

from __future__ import annotations

from typing import Any

from translating import written

USER = {"role": "user", "content": "hi"}


def over_messages(*turns: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return written("chat", "messages", messages=list(turns), **fields)


def test_only_what_the_system_says_first_is_told_as_the_systems() -> None:
    value = over_messages(
        {"role": "system", "content": "one"},
        {"role": "developer", "content": [{"type": "text", "text": "two"}]},
        USER,
        {"role": "system", "content": "three"},
    )
    assert value["system"] == [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    assert value["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "hi"},
                {"type": "text", "text": "<system>\nthree\n</system>"},
            ],
        }
    ]


def test_over_chat_the_first_system_turns_are_one_and_later_ones_stay_in_place() -> None:
    items = [
        {"role": "developer", "content": "one"},
        USER,
        {"role": "developer", "content": "two"},
    ]
    value = written("responses", "chat", instructions="zero", input=items)
    assert value["messages"] == [
        {"role": "system", "content": "zero\n\none"},
        USER,
        {"role": "system", "content": "two"},
    ]


def test_turns_of_one_role_are_one_and_empty_texts_are_none() -> None:
    value = over_messages(
        USER,
        {"role": "user", "content": " "},
        {"role": "assistant", "content": ""},
        {"role": "user", "content": [{"type": "text", "text": ""}, {"type": "text", "text": "b"}]},
    )
    (message,) = value["messages"]
    assert [block["text"] for block in message["content"]] == ["hi", "b"]


def test_the_user_speaks_first_and_an_answer_that_was_begun_ends_in_no_space() -> None:
    value = over_messages({"role": "assistant", "content": "I "})
    assert [message["role"] for message in value["messages"]] == ["user", "assistant"]
    assert value["messages"][1]["content"] == "I"


def test_instructions_alone_are_the_users() -> None:
    value = over_messages({"role": "system", "content": "Say hi."})
    assert "system" not in value
    assert value["messages"] == [{"role": "user", "content": "Say hi."}]


CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def test_calls_that_no_tool_explains_get_one_that_cannot_be_called() -> None:
    calls = {"role": "assistant", "tool_calls": [CALL]}
    value = over_messages(USER, calls, {"role": "tool", "tool_call_id": "c", "content": "x"}, USER)
    assert [tool["name"] for tool in value["tools"]] == ["f"]
    assert value["tool_choice"] == {"type": "none"}


def test_arguments_that_are_no_object_are_kept_as_a_text() -> None:
    for arguments, expected in (
        ("", {}),
        ('{"n": 1.0e3}', {"n": 1.0e3}),
        ('{"n":123456789012345678901234567890}', {"n": 123456789012345678901234567890}),
        ("[1]", {"arguments": "[1]"}),
        ("{broken", {"arguments": "{broken"}),
    ):
        call = {**CALL, "function": {"name": "f", "arguments": arguments}}
        value = over_messages(USER, {"role": "assistant", "tool_calls": [call]})
        assert value["messages"][1]["content"][0]["input"] == expected


def test_legacy_calls_of_the_history_become_calls() -> None:
    value = over_messages(
        USER,
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "42"},
    )
    assert value["messages"][1]["content"][0]["id"] == "f"
    assert value["messages"][2]["content"] == [
        {"type": "tool_result", "tool_use_id": "f", "content": "42"}
    ]


def test_thinking_gives_way_to_what_its_server_refuses_beside_it() -> None:
    tools = [{"type": "function", "function": {"name": "f"}}]
    for fields in (
        {"tools": tools, "tool_choice": "required"},
        {"max_tokens": 1500},
    ):
        assert "thinking" not in over_messages(USER, reasoning_effort="high", **fields)
    # A run of calls that began without thinking must go on without it.
    running = (
        USER,
        {"role": "assistant", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c", "content": "x"},
    )
    assert "thinking" not in over_messages(*running, reasoning_effort="high", tools=tools)
    assert "thinking" in over_messages(*running, USER, reasoning_effort="high", tools=tools)
    value = over_messages(USER, reasoning_effort="high", temperature=0.2)
    assert "temperature" not in value


def test_redacted_thinking_goes_round() -> None:
    blocks = [
        {"type": "redacted_thinking", "data": "dark"},
        {"type": "text", "text": "So."},
    ]
    turns = [USER, {"role": "assistant", "content": blocks}, USER]
    over_responses = written("messages", "responses", messages=turns)
    reasoning = over_responses["input"][1]
    assert reasoning["id"].startswith("rs_redacted_")
    assert reasoning["encrypted_content"] == "dark"
    back = written("responses", "messages", input=over_responses["input"])
    assert back["messages"][1]["content"] == blocks
    over_chat = written("responses", "chat", input=over_responses["input"])
    assert "reasoning_content" not in over_chat["messages"][1]
    again = written("chat", "messages", messages=over_chat["messages"])
    assert again["messages"][1]["content"] == blocks


def test_thinking_that_was_not_signed_is_not_given_back_to_who_signs() -> None:
    turns = [USER, {"role": "assistant", "content": "a", "reasoning_content": "hm"}, USER]
    assert over_messages(*turns)["messages"][1] == {"role": "assistant", "content": "a"}
    over_responses = written("chat", "responses", messages=turns)
    assert over_responses["input"][1]["content"] == [{"type": "reasoning_text", "text": "hm"}]


def test_usage_is_asked_for_where_a_completions_client_did() -> None:
    value = written("completions", "chat", stream=True, stream_options={"include_usage": True})
    assert value["stream_options"] == {"include_usage": True}
