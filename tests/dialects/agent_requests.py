"""Requests in the shapes of three coding agents, small: what they tell, not what they say."""

from __future__ import annotations

import json
from typing import Any

SHELL = {
    "type": "object",
    "properties": {"command": {"type": "string"}},
    "required": ["command"],
}

# Codex CLI, second turn: roles "developer" and "user" with ids, a namespace, a custom tool, a
# hosted one, calls and results with our ids.
CODEX: dict[str, Any] = {
    "model": "m",
    "stream": True,
    "store": False,
    "input": [
        {
            "type": "message",
            "id": "msg_1",
            "role": "developer",
            "content": [{"type": "input_text", "text": "You may run commands."}],
        },
        {
            "type": "message",
            "id": "msg_2",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "<environment/>"},
                {"type": "input_text", "text": "List the files, then patch one."},
            ],
        },
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "Look first."}],
            "encrypted_content": "sealed",
        },
        {
            "type": "message",
            "id": "msg_3",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "I look.", "annotations": []}],
        },
        {
            "type": "function_call",
            "id": "fc_1",
            "call_id": "call_1",
            "name": "exec_command",
            "arguments": '{"command":"ls"}',
            "status": "completed",
        },
        {
            "type": "function_call",
            "call_id": "call_2",
            "namespace": "files",
            "name": "open",
            "arguments": '{"path":"a"}',
        },
        {"type": "function_call_output", "call_id": "call_1", "output": "a b"},
        {"type": "function_call_output", "call_id": "call_2", "output": "content"},
        {
            "type": "custom_tool_call",
            "call_id": "call_3",
            "name": "apply_patch",
            "input": '*** Begin\n"a"\n',
        },
        {"type": "custom_tool_call_output", "call_id": "call_3", "output": "done"},
    ],
    "tools": [
        {
            "type": "function",
            "name": "exec_command",
            "description": "Runs it.",
            "strict": False,
            "parameters": SHELL,
        },
        {
            "type": "namespace",
            "name": "files",
            "description": "Files of the project.",
            "tools": [
                {"type": "function", "name": "open", "parameters": {"type": "object"}},
                {"type": "custom", "name": "write", "description": "Writes."},
            ],
        },
        {
            "type": "custom",
            "name": "apply_patch",
            "description": "Patches.",
            "format": {"type": "grammar", "syntax": "lark", "definition": "start: /.+/"},
        },
        {"type": "web_search", "external_web_access": False},
    ],
    "tool_choice": "auto",
    "parallel_tool_calls": True,
    "reasoning": {"summary": "auto"},
    "include": ["reasoning.encrypted_content"],
    "prompt_cache_key": "k",
    "client_metadata": {"session": "s"},
}

# OpenCode over its chat provider: assistant turns with calls come back with an empty content.
OPENCODE: dict[str, Any] = {
    "model": "m",
    "max_tokens": 32000,
    "messages": [
        {"role": "system", "content": "You are an agent."},
        {"role": "user", "content": "List the files."},
        {
            "role": "assistant",
            "content": "",
            "reasoning_content": "Look first.",
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "bash", "arguments": '{"command":"ls"}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "a b"},
    ],
    "tools": [
        {
            "type": "function",
            "function": {"name": "bash", "description": "Runs it.", "parameters": SHELL},
        }
    ],
    "tool_choice": "auto",
    "stream": True,
    "stream_options": {"include_usage": True},
}

# The same over its Responses provider: no types of messages, calls without id or status.
OPENCODE_RESPONSES: dict[str, Any] = {
    "model": "m",
    "max_output_tokens": 32000,
    "input": [
        {"role": "system", "content": "You are an agent."},
        {"role": "user", "content": [{"type": "input_text", "text": "List the files."}]},
        {
            "type": "function_call",
            "call_id": "call_1",
            "name": "bash",
            "arguments": '{"command":"ls"}',
        },
        {"type": "function_call_output", "call_id": "call_1", "output": "a b"},
    ],
    "tools": [{"type": "function", "name": "bash", "parameters": SHELL, "strict": False}],
    "tool_choice": "auto",
    "stream": True,
}

# Claude Code: a system prompt of blocks, the first of them a note for the books, a "system" message
# among the others, adaptive thinking, an image in a tool's result.
CLAUDE_CODE: dict[str, Any] = {
    "model": "m",
    "max_tokens": 32000,
    "stream": True,
    "system": [
        {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1; cch=4f;"},
        {"type": "text", "text": "You are an agent."},
        {"type": "text", "text": "Be short.", "cache_control": {"type": "ephemeral"}},
    ],
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "<reminder/>"},
                {"type": "text", "text": "Look at a.png."},
            ],
        },
        {"role": "system", "content": "The user prefers English."},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Look first.", "signature": "signed"},
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {"path": "a.png"}},
                {"type": "tool_use", "id": "toolu_2", "name": "Bash", "input": {"command": "ls"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_1",
                    "content": [
                        {"type": "text", "text": "An image:"},
                        {
                            "type": "image",
                            "source": {
                                "type": "base64",
                                "media_type": "image/png",
                                "data": "iVBORw0KGgo=",
                            },
                        },
                    ],
                },
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_2",
                    "content": "no such command",
                    "is_error": True,
                },
                {"type": "text", "text": "Go on."},
            ],
        },
    ],
    "tools": [
        {"name": "Read", "description": "Reads.", "input_schema": {"type": "object"}},
        {"name": "Bash", "description": "Runs it.", "input_schema": SHELL},
        {"type": "web_search_20250305", "name": "web_search", "max_uses": 8},
    ],
    "thinking": {"type": "adaptive"},
    "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
    "output_config": {"effort": "high"},
    "metadata": {"user_id": "user_1"},
}


def body_of(told: dict[str, Any], **fields: Any) -> bytes:
    """A request's body, with some fields told otherwise; None leaves one out."""
    changed = {name: value for name, value in {**told, **fields}.items() if value is not None}
    return json.dumps(changed).encode()
