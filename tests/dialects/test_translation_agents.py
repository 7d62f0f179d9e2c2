"""Requests of coding agents, to every dialect: what goes upstream, to the letter."""

from __future__ import annotations

import json
from typing import Any

import pytest
from agent_requests import CLAUDE_CODE, CODEX, OPENCODE, OPENCODE_RESPONSES, SHELL, body_of
from translating import PARSERS, TARGETS, problems, sent

from strictwire.dialects.estimate import estimate_tokens
from strictwire.dialects.translation import Translation, translate
from strictwire.model.request import Dialect, FoldedTool

AGENTS: dict[str, tuple[Dialect, dict[str, Any]]] = {
    "codex": ("responses", CODEX),
    "opencode": ("chat", OPENCODE),
    "opencode responses": ("responses", OPENCODE_RESPONSES),
    "claude code": ("messages", CLAUDE_CODE),
}
WAYS = [
    (agent, target)
    for agent, (source, _) in AGENTS.items()
    for target in TARGETS
    if source != target
]


def of_agent(agent: str, target: Dialect, **fields: Any) -> Translation:
    source, told = AGENTS[agent]
    return translate(PARSERS[source](body_of(told, **fields)), source, target)


@pytest.mark.parametrize(("agent", "target"), WAYS)
def test_an_agents_request_is_a_valid_one_of_the_other_dialect(agent: str, target: Dialect) -> None:
    request = of_agent(agent, target).request
    value = sent(request)
    assert problems(target, value) == []
    again = PARSERS[target](request.raw)
    assert (again.model, again.is_stream) == (request.model, request.is_stream)
    assert again.tools == request.tools
    assert type(again) is type(request)
    # The same bytes each time: a server's prompt cache depends on it.
    assert of_agent(agent, target).request.raw == request.raw
    assert estimate_tokens(request) == pytest.approx(
        estimate_tokens(PARSERS[AGENTS[agent][0]](body_of(AGENTS[agent][1]))), rel=0.4
    )


def test_codex_over_chat() -> None:
    translation = of_agent("codex", "chat")
    value = sent(translation.request)
    assert value["messages"] == [
        {"role": "system", "content": "You may run commands."},
        {"role": "user", "content": "<environment/>\n\nList the files, then patch one."},
        {
            "role": "assistant",
            "content": "I look.",
            "reasoning_content": "Look first.",
            "reasoning_details": [{"type": "reasoning.encrypted", "data": "sealed", "id": "rs_1"}],
            "tool_calls": [
                called("call_1", "exec_command", '{"command":"ls"}'),
                called("call_2", "files__open", '{"path":"a"}'),
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "a b"},
        {"role": "tool", "tool_call_id": "call_2", "content": "content"},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [called("call_3", "apply_patch", '{"input":"*** Begin\\n\\"a\\"\\n"}')],
        },
        {"role": "tool", "tool_call_id": "call_3", "content": "done"},
    ]
    names = [tool["function"]["name"] for tool in value["tools"]]
    assert names == ["exec_command", "files__open", "files__write", "apply_patch"]
    patch = value["tools"][3]["function"]
    assert "start: /.+/" in patch["description"]
    assert patch["parameters"]["required"] == ["input"]
    assert value["tools"][1]["function"]["description"] == "Files of the project."
    assert set(value) == {
        "model", "stream", "messages", "tools", "tool_choice", "parallel_tool_calls",
    }  # fmt: skip
    assert translation.folded == {
        "files__open": FoldedTool("open", "files"),
        "files__write": FoldedTool("write", "files", "input"),
        "apply_patch": FoldedTool("apply_patch", wrapper="input"),
    }
    assert translation.request.tools == set(names)
    assert set(translation.dropped) == {
        "tools.web_search", "client_metadata", "prompt_cache_key", "include", "reasoning.summary",
    }  # fmt: skip


def called(call_id: str, name: str, arguments: str) -> dict[str, Any]:
    return {
        "id": call_id,
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


def test_codex_over_messages() -> None:
    value = sent(of_agent("codex", "messages").request)
    assert value["system"] == "You may run commands."
    assert [message["role"] for message in value["messages"]] == [
        "user", "assistant", "user", "assistant", "user",
    ]  # fmt: skip
    assert value["messages"][1]["content"] == [
        {"type": "thinking", "thinking": "Look first.", "signature": "sealed"},
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "call_1", "name": "exec_command", "input": {"command": "ls"}},
        {"type": "tool_use", "id": "call_2", "name": "files__open", "input": {"path": "a"}},
    ]
    assert value["messages"][3]["content"][0]["input"] == {"input": '*** Begin\n"a"\n'}
    assert value["max_tokens"] == 32_000
    assert value["tools"][0] == {
        "name": "exec_command",
        "description": "Runs it.",
        "input_schema": SHELL,
    } | {"input_schema": {"properties": {}, **SHELL}}
    assert value["tool_choice"] == {"type": "auto"}


def test_claude_code_over_chat() -> None:
    translation = of_agent("claude code", "chat")
    value = sent(translation.request)
    roles = [message["role"] for message in value["messages"]]
    assert roles == [
        "system", "user", "system", "assistant", "tool", "tool", "user", "user",
    ]  # fmt: skip
    assert value["messages"][0]["content"] == "You are an agent.\n\nBe short."
    assert value["messages"][3]["reasoning_content"] == "Look first."
    assert value["messages"][3]["content"] == "I look."
    assert value["messages"][4] == {
        "role": "tool",
        "tool_call_id": "toolu_1",
        "content": "An image:",
    }
    assert value["messages"][5]["content"] == "Error: no such command"
    assert value["messages"][6]["content"][1] == {
        "type": "image_url",
        "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="},
    }
    assert value["messages"][7]["content"] == "Go on."
    assert (value["reasoning_effort"], value["max_tokens"]) == ("high", 32_000)
    assert value["user"] == "user_1"
    assert set(translation.dropped) == {
        "tools.web_search_20250305", "context_management", "cache_control",
        "system.x-anthropic-billing-header",
    }  # fmt: skip


def test_claude_code_over_responses() -> None:
    value = sent(of_agent("claude code", "responses").request)
    assert value["instructions"] == "You are an agent."
    assert [item.get("role", item["type"]) for item in value["input"]] == [
        "system", "user", "system", "reasoning", "assistant", "function_call", "function_call",
        "function_call_output", "function_call_output", "user",
    ]  # fmt: skip
    assert value["input"][3] == {
        "type": "reasoning",
        "id": "rs_3_0",
        "summary": [{"type": "summary_text", "text": "Look first."}],
        "encrypted_content": "signed",
    }
    assert value["input"][7]["output"][1] == {
        "type": "input_image",
        "detail": "auto",
        "image_url": "data:image/png;base64,iVBORw0KGgo=",
    }
    assert value["reasoning"] == {"effort": "high", "summary": "auto"}
    assert value["include"] == ["reasoning.encrypted_content"]
    assert value["store"] is False
    assert value["tools"][0]["strict"] is False


def test_opencode_over_messages() -> None:
    translation = of_agent("opencode", "messages")
    value = sent(translation.request)
    assert value == {
        "model": "m",
        "stream": True,
        "max_tokens": 32_000,
        "system": "You are an agent.",
        "messages": [
            {"role": "user", "content": "List the files."},
            {
                "role": "assistant",
                "content": [
                    {
                        "type": "tool_use",
                        "id": "call_1",
                        "name": "bash",
                        "input": {"command": "ls"},
                    }
                ],
            },
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "a b"}],
            },
        ],
        "tools": [{"name": "bash", "description": "Runs it.", "input_schema": SHELL}],
        "tool_choice": {"type": "auto"},
    }
    # It never was signed, so an Anthropic server would refuse it.
    assert translation.dropped == ("messages.reasoning",)


def test_opencode_over_both_its_providers_asks_the_same() -> None:
    over_chat = sent(of_agent("opencode responses", "chat").request)
    assert over_chat["messages"][:2] == OPENCODE["messages"][:2]
    call = over_chat["messages"][2]["tool_calls"]
    assert call == OPENCODE["messages"][2]["tool_calls"]
    assert over_chat["messages"][3] == OPENCODE["messages"][3]


def test_what_goes_upstream_names_nothing_twice() -> None:
    for agent, target in WAYS:
        raw = of_agent(agent, target).request.raw
        pairs: list[Any] = json.loads(raw, object_pairs_hook=lambda found: found)
        names = [name for name, _ in pairs]
        assert len(names) == len(set(names))
