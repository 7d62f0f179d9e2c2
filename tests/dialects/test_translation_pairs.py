"""Single fields from each dialect to each other one: what becomes of them, what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from translating import PAIRS, problems, refusal, translated, written

from strictwire.model.request import Dialect

FUNCTION = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
RESPONSES_FUNCTION = {"type": "function", "name": "f", "parameters": {"type": "object"}}
MESSAGES_TOOL = {"name": "f", "input_schema": {"type": "object"}}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
MANY = {"max_tokens": 20_000}
PNG = "data:image/png;base64,iVBORw0KGgo="
PDF = "data:application/pdf;base64,JVBERi0="


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_the_least_request_goes_everywhere(source: Dialect, target: Dialect) -> None:
    value = written(source, target)
    assert problems(target, value) == []
    translation = translated(source, target)
    assert (translation.dropped, translation.folded) == ((), {})
    told = {"chat": "messages", "messages": "messages", "responses": "input"}[target]
    turns = value[told]
    assert [(turn["role"], turn["content"]) for turn in turns] == [("user", "hi")]


def test_the_same_dialect_is_no_translation() -> None:
    translation = translated("chat", "chat", seed=4)
    assert b'"seed": 4' in translation.request.raw


# Source, its fields, target, what must be in what is written.
HELD: list[tuple[Dialect, dict[str, Any], Dialect, dict[str, Any]]] = [
    # limits and sampling
    ("chat", {"max_tokens": 20}, "responses", {"max_output_tokens": 20}),
    ("chat", {"max_completion_tokens": 20}, "messages", {"max_tokens": 20}),
    ("chat", {"max_completion_tokens": 20, "max_tokens": 9}, "messages", {"max_tokens": 20}),
    ("responses", {"max_output_tokens": 20}, "chat", {"max_tokens": 20}),
    ("messages", {"max_tokens": 20}, "responses", {"max_output_tokens": 20}),
    ("completions", {"max_tokens": 20}, "messages", {"max_tokens": 20}),
    ("chat", {}, "messages", {"max_tokens": 32_000}),
    ("chat", {"temperature": 0.5, "top_p": 0.9}, "messages", {"temperature": 0.5, "top_p": 0.9}),
    ("chat", {"temperature": 1.7}, "messages", {"temperature": 1.0}),
    ("messages", {"top_k": 40}, "chat", {"top_k": 40}),
    ("chat", {"top_k": 40}, "messages", {"top_k": 40}),
    ("responses", {"min_p": 0.1}, "chat", {"min_p": 0.1}),
    ("messages", {"chat_template_kwargs": {"a": 1}}, "chat", {"chat_template_kwargs": {"a": 1}}),
    ("completions", {"seed": 4}, "chat", {"seed": 4}),
    ("completions", {"logit_bias": {"5": 1}}, "chat", {"logit_bias": {"5": 1}}),
    ("messages", {"max_tokens": 1}, "responses", {"max_output_tokens": 16}),
    # stop texts
    ("chat", {"stop": "x"}, "messages", {"stop_sequences": ["x"]}),
    ("messages", {"stop_sequences": ["x", "y"]}, "chat", {"stop": ["x", "y"]}),
    ("completions", {"stop": ["x"]}, "chat", {"stop": ["x"]}),
    # log probabilities
    (
        "chat", {"logprobs": True, "top_logprobs": 3}, "responses",
        {"top_logprobs": 3, "include": ["message.output_text.logprobs"]},
    ),
    (
        "responses", {"include": ["message.output_text.logprobs"], "top_logprobs": 3}, "chat",
        {"logprobs": True, "top_logprobs": 3},
    ),
    ("completions", {"logprobs": 2}, "chat", {"logprobs": True, "top_logprobs": 2}),
    # for whom
    ("messages", {"metadata": {"user_id": "u"}}, "responses", {"user": "u"}),
    ("chat", {"user": "u"}, "messages", {"metadata": {"user_id": "u"}}),
    ("messages", {"service_tier": "standard_only"}, "chat", {"service_tier": "default"}),
    ("responses", {"service_tier": "default"}, "messages", {"service_tier": "standard_only"}),
    ("chat", {"metadata": {"a": "b"}}, "responses", {"metadata": {"a": "b"}}),
    ("chat", {"prompt_cache_key": "k"}, "responses", {"prompt_cache_key": "k"}),
    # how to answer
    ("chat", {"verbosity": "low"}, "responses", {"text": {"verbosity": "low"}}),
    ("responses", {"text": {"verbosity": "low"}}, "chat", {"verbosity": "low"}),
    ("chat", {"response_format": {"type": "json_object"}}, "responses",
     {"text": {"format": {"type": "json_object"}}}),
    (
        "chat",
        {"response_format": {"type": "json_schema", "json_schema": {
            "name": "n", "schema": SCHEMA, "strict": True, "description": "d"}}},
        "responses",
        {"text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True,
                             "description": "d"}}},
    ),
    (
        "responses",
        {"text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA}}},
        "messages",
        {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
    ),
    (
        "messages",
        {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
        "chat",
        {"response_format": {"type": "json_schema", "json_schema": {
            "name": "answer", "schema": SCHEMA, "strict": True}}},
    ),
    # how hard to think
    ("chat", {"reasoning_effort": "low"}, "responses", {"reasoning": {"effort": "low"}}),
    ("responses", {"reasoning": {"effort": "xhigh"}}, "chat", {"reasoning_effort": "xhigh"}),
    ("chat", {"reasoning_effort": "medium", **MANY}, "messages",
     {"thinking": {"type": "enabled", "budget_tokens": 10_000}}),
    ("chat", {"reasoning_effort": "high"}, "messages",
     {"thinking": {"type": "enabled", "budget_tokens": 24_000}, "max_tokens": 48_000}),
    ("chat", {"reasoning_effort": "high", "max_tokens": 4000}, "messages",
     {"thinking": {"type": "enabled", "budget_tokens": 2000}}),
    ("chat", {"reasoning_effort": "none"}, "messages", {"thinking": {"type": "disabled"}}),
    ("messages", {"thinking": {"type": "disabled"}}, "chat", {"reasoning_effort": "none"}),
    ("messages", {"thinking": {"type": "enabled", "budget_tokens": 9000}}, "chat",
     {"reasoning_effort": "medium"}),
    ("messages", {"thinking": {"type": "enabled", "budget_tokens": 9000}}, "responses",
     {"reasoning": {"effort": "medium", "summary": "auto"}}),
    ("messages", {"thinking": {"type": "adaptive", "display": "omitted"},
                  "output_config": {"effort": "max"}}, "responses",
     {"reasoning": {"effort": "max"}}),
    # tools and the choice among them
    ("chat", {"tools": [FUNCTION], "tool_choice": "required"}, "messages",
     {"tools": [{"name": "f", "input_schema": {"type": "object", "properties": {}}}],
      "tool_choice": {"type": "any"}}),
    ("chat", {"tools": [FUNCTION], "parallel_tool_calls": False}, "messages",
     {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}),
    ("messages", {"tools": [MESSAGES_TOOL],
                  "tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": True}},
     "chat", {"tool_choice": {"type": "function", "function": {"name": "f"}},
              "parallel_tool_calls": False}),
    ("messages", {"tools": [{**MESSAGES_TOOL, "strict": True}], "tool_choice": {"type": "any"}},
     "responses", {"tools": [{**RESPONSES_FUNCTION, "strict": True}], "tool_choice": "required"}),
    ("chat", {"tools": [FUNCTION]}, "responses",
     {"tools": [{**RESPONSES_FUNCTION, "strict": False}]}),
    ("responses", {"tools": [RESPONSES_FUNCTION], "tool_choice": "none"}, "messages",
     {"tool_choice": {"type": "none"}}),
    ("responses", {"tools": [RESPONSES_FUNCTION], "tool_choice": {"type": "function", "name": "f"}},
     "chat", {"tools": [FUNCTION], "tool_choice": {"type": "function", "function": {"name": "f"}}}),
    ("responses",
     {"tools": [RESPONSES_FUNCTION, {**RESPONSES_FUNCTION, "name": "g"}],
      "tool_choice": {"type": "allowed_tools", "mode": "required",
                      "tools": [{"type": "function", "name": "f"}]}},
     "chat", {"tools": [FUNCTION], "tool_choice": "required"}),
    ("chat",
     {"tools": [FUNCTION], "tool_choice": {"type": "allowed_tools", "allowed_tools": {
         "mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]}}},
     "responses", {"tool_choice": {"type": "allowed_tools", "mode": "auto",
                                   "tools": [{"type": "function", "name": "f"}]}}),
    ("chat",
     {"tools": [{"type": "custom", "custom": {"name": "c", "format": {
         "type": "grammar", "grammar": {"syntax": "regex", "definition": "a+"}}}}]},
     "responses",
     {"tools": [{"type": "custom", "name": "c",
                 "format": {"type": "grammar", "syntax": "regex", "definition": "a+"}}]}),
    # hosted tools beside others
    ("responses", {"tools": [RESPONSES_FUNCTION, {"type": "web_search"}]}, "chat",
     {"tools": [FUNCTION]}),
]  # fmt: skip


@pytest.mark.parametrize(("source", "fields", "target", "expected"), HELD)
def test_what_the_other_dialect_can_hold_is_held(
    source: Dialect, fields: dict[str, Any], target: Dialect, expected: dict[str, Any]
) -> None:
    value = written(source, target, **fields)
    assert {name: value.get(name) for name in expected} == expected
    assert problems(target, value) == []


DROPPED: list[tuple[Dialect, dict[str, Any], Dialect, str]] = [
    ("chat", {"seed": 4}, "messages", "seed"),
    ("chat", {"presence_penalty": 1}, "responses", "presence_penalty"),
    ("chat", {"temperature": 1.7}, "messages", "temperature"),
    ("chat", {"min_p": 0.1}, "responses", "min_p"),
    ("chat", {"metadata": {"a": "b"}}, "messages", "metadata"),
    ("chat", {"service_tier": "flex"}, "messages", "service_tier"),
    ("chat", {"prediction": {"type": "content", "content": "x"}}, "messages", "prediction"),
    ("responses", {"metadata": {"a": "b"}}, "chat", "metadata"),
    ("responses", {"prompt_cache_key": "k"}, "chat", "prompt_cache_key"),
    ("responses", {"truncation": "auto"}, "chat", "truncation"),
    ("responses", {"include": ["reasoning.encrypted_content"]}, "chat", "include"),
    ("responses", {"tools": [{"type": "web_search"}]}, "chat", "tools.web_search"),
    ("responses", {"text": {"verbosity": "low"}}, "messages", "text.verbosity"),
    ("messages", {"context_management": {"edits": []}}, "chat", "context_management"),
    ("messages", {"top_k": 4}, "responses", "top_k"),
    (
        "responses",
        {"reasoning": {"effort": "low"}, "max_output_tokens": 64},
        "messages",
        "reasoning",
    ),
    ("messages", {"a\r\nb": 1}, "chat", "a__b"),
]


@pytest.mark.parametrize("target", ["chat", "messages"])
def test_what_the_gateway_does_itself_is_not_told_as_dropped(target: Dialect) -> None:
    fields: dict[str, Any] = {"store": True, "background": True}
    assert translated("responses", target, **fields).dropped == ()
    assert not fields.keys() & written("responses", target, **fields).keys()


@pytest.mark.parametrize(("source", "fields", "target", "name"), DROPPED)
def test_what_does_not_change_the_answer_is_dropped_and_told(
    source: Dialect, fields: dict[str, Any], target: Dialect, name: str
) -> None:
    assert translated(source, target, **fields).dropped == (name,)


REFUSED: list[tuple[Dialect, dict[str, Any], Dialect, str]] = [
    ("chat", {"n": 2}, "responses", "n"),
    ("completions", {"n": 2}, "messages", "n"),
    ("chat", {"stop": ["x"]}, "responses", "stop"),
    ("messages", {"stop_sequences": ["x"]}, "responses", "stop_sequences"),
    ("chat", {"logit_bias": {"5": 1}}, "messages", "logit_bias"),
    ("chat", {"logprobs": True}, "messages", "logprobs"),
    ("responses", {"top_logprobs": 2}, "messages", "top_logprobs"),
    ("chat", {"response_format": {"type": "json_object"}}, "messages", "response_format"),
    ("responses", {"text": {"format": {"type": "json_object"}}}, "messages", "text.format"),
    ("chat", {"functions": [{"name": "f"}]}, "messages", "functions"),
    ("chat", {"modalities": ["text", "audio"]}, "responses", "modalities"),
    ("completions", {"suffix": "x"}, "chat", "suffix"),
    ("completions", {"echo": True}, "chat", "echo"),
    ("completions", {"best_of": 2}, "chat", "best_of"),
    ("completions", {"prompt": ["a", "b"]}, "chat", "prompt"),
    ("completions", {"prompt": [1, 2]}, "chat", "prompt"),
    ("completions", {"prompt": None}, "chat", "prompt"),
    ("responses", {"previous_response_id": "resp_1"}, "chat", "previous_response_id"),
    ("responses", {"conversation": "conv_1"}, "chat", "conversation"),
    ("responses", {"prompt": {"id": "p"}}, "messages", "prompt"),
    ("responses", {"tools": [{"type": "file_search"}], "tool_choice": {"type": "file_search"}},
     "chat", "tool_choice"),
    ("responses", {"tools": [{"type": "file_search"}], "tool_choice": "required"}, "chat",
     "tool_choice"),
    ("messages", {"tools": [MESSAGES_TOOL, {"type": "web_search_20250305", "name": "web_search"}],
                  "tool_choice": {"type": "tool", "name": "web_search"}}, "chat", "tool_choice"),
    ("responses", {"input": [{"type": "item_reference", "id": "msg_1"}]}, "chat", "input[0]"),
    ("responses", {"input": [{"type": "compaction", "encrypted_content": "x"}]}, "chat",
     "input[0]"),
    ("responses", {"input": [{"role": "user", "content": [
        {"type": "input_image", "file_id": "file_1"}]}]}, "chat", "input[0].content[0]"),
    ("responses", {"input": [{"role": "user", "content": [
        {"type": "input_file", "file_url": "http://x/y.pdf"}]}]}, "chat", "input[0].content[0]"),
    ("responses", {"input": [{"role": "user", "content": [
        {"type": "input_file", "file_id": "file_1"}]}]}, "messages", "input[0].content[0]"),
    ("responses", {"input": [{"role": "nobody", "content": "x"}]}, "chat", "input[0].role"),
    ("messages", {"messages": [{"role": "user", "content": [
        {"type": "image", "source": {"type": "file", "file_id": "x"}}]}]}, "chat",
     "messages[0].content[0].source"),
    ("chat", {"messages": [{"role": "user", "content": [
        {"type": "text", "text": "x"},
        {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}]}]}, "messages",
     "messages[0].content[1]"),
    ("chat", {"messages": [{"role": "user", "content": [
        {"type": "video_url", "video_url": {"url": "http://x"}}, "x"]}]}, "responses",
     "messages[0].content[0]"),
    ("chat", {"messages": [{"role": "user"}, {"role": "tool", "content": "x"}]}, "messages",
     "messages[1].tool_call_id"),
    ("chat", {"tools": [{"type": "function", "function": {}}]}, "messages",
     "tools[0].function.name"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "fields", "target", "param"), REFUSED)
def test_what_would_change_the_answer_is_a_400_that_names_the_field(
    source: Dialect, fields: dict[str, Any], target: Dialect, param: str
) -> None:
    error = refusal(source, target, **fields)
    assert (error.status, error.param) == (400, param)
    assert f"'{param}'" in error.message
    assert error.message.endswith(".")
    assert len(error.message) < 300


def user(source: Dialect, *parts: dict[str, Any]) -> dict[str, Any]:
    turns = [{"role": "user", "content": list(parts)}]
    return {"input": turns} if source == "responses" else {"messages": turns}


CHAT_IMAGE = {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}}
RESPONSES_IMAGE = {"type": "input_image", "image_url": PNG, "detail": "low"}
MESSAGES_IMAGE = {
    "type": "image",
    "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="},
}
CHAT_FILE = {"type": "file", "file": {"filename": "a.pdf", "file_data": PDF}}
RESPONSES_FILE = {"type": "input_file", "filename": "a.pdf", "file_data": PDF}
MESSAGES_FILE = {
    "type": "document",
    "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="},
    "title": "a.pdf",
}
MEDIA: list[tuple[Dialect, dict[str, Any], Dialect, dict[str, Any]]] = [
    ("chat", CHAT_IMAGE, "responses", RESPONSES_IMAGE),
    ("chat", CHAT_IMAGE, "messages", MESSAGES_IMAGE),
    ("responses", RESPONSES_IMAGE, "chat", CHAT_IMAGE),
    ("responses", RESPONSES_IMAGE, "messages", MESSAGES_IMAGE),
    ("messages", MESSAGES_IMAGE, "chat", {"type": "image_url", "image_url": {"url": PNG}}),
    ("messages", MESSAGES_IMAGE, "responses", {**RESPONSES_IMAGE, "detail": "auto"}),
    (
        "messages", {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}}, "chat",
        {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
    ),
    (
        "chat", {"type": "image_url", "image_url": "https://x/y.png"}, "messages",
        {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}},
    ),
    ("chat", CHAT_FILE, "responses", RESPONSES_FILE),
    ("chat", CHAT_FILE, "messages", MESSAGES_FILE),
    ("responses", RESPONSES_FILE, "chat", CHAT_FILE),
    ("messages", MESSAGES_FILE, "responses", RESPONSES_FILE),
    ("messages", MESSAGES_FILE, "chat", CHAT_FILE),
    (
        "chat", {"type": "file", "file": {"file_id": "file_1"}}, "responses",
        {"type": "input_file", "file_id": "file_1"},
    ),
    (
        "responses", {"type": "input_file", "filename": "a.txt", "file_data":
                      "data:text/plain;base64,aGk="}, "messages",
        {"type": "document", "title": "a.txt",
         "source": {"type": "text", "media_type": "text/plain", "data": "hi"}},
    ),
    (
        "responses",
        {"type": "input_text", "text": "x", "prompt_cache_breakpoint": {"mode": "explicit"}},
        "messages", {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("source", "part", "target", "expected"), MEDIA)
def test_images_and_files(
    source: Dialect, part: dict[str, Any], target: Dialect, expected: dict[str, Any]
) -> None:
    text = "input_text" if source == "responses" else "text"
    value = written(source, target, **user(source, {"type": text, "text": "see"}, part))
    turns = value["input"] if target == "responses" else value["messages"]
    assert turns[0]["content"][1] == expected
    assert problems(target, value) == []


def test_documents_of_text_become_text() -> None:
    source = {"type": "text", "media_type": "text/plain", "data": "It rains."}
    document = {"type": "document", "source": source, "title": "News"}
    value = written("messages", "chat", **user("messages", document))
    assert value["messages"][0]["content"] == '<document title="News">\nIt rains.\n</document>'


def test_a_text_cut_at_its_sources_is_one_again() -> None:
    blocks = [
        {"type": "text", "text": "It ", "citations": None},
        {"type": "text", "text": "rains.", "citations": [{"type": "page_location"}]},
    ]
    turns = [{"role": "user", "content": "?"}, {"role": "assistant", "content": blocks}]
    value = written("messages", "chat", messages=turns)
    assert value["messages"][1]["content"] == "It rains."
