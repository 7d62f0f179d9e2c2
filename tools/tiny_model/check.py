"""Asks a model what the demonstration model must be able to say, in llama.cpp.

    python -m tools.tiny_model.check MODEL.gguf

Prints a line for each question; the exit code is 1 if one of them is answered wrongly. Needs
xllamacpp.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from typing import Any

import xllamacpp

_WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
_GREETING = "Hello! How can I help you today?"
# Question, whether the tool is at hand, the text, the cities that it is called for.
_QUESTIONS: tuple[tuple[str, bool, str, tuple[str, ...]], ...] = (
    ("Hello", False, _GREETING, ()),
    ("Hello", True, _GREETING, ()),
    ("Repeat: Paris Rome", False, "Paris Rome", ()),
    ("What is the weather in Paris?", True, "", ("Paris",)),
    ("What is the weather in Oslo?", True, "", ("Oslo",)),
    ("What is the weather in Tokyo?", True, "", ("Tokyo",)),
)
_MAX_TOKENS = 64
_TIMEOUT_S = 60


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("usage: python -m tools.tiny_model.check MODEL.gguf", file=sys.stderr)
        return 2
    server = xllamacpp.Server(_params(arguments[0]))
    wrong = 0
    for question, has_tool, text, cities in _QUESTIONS:
        told = _ask(server.listening_address, question, has_tool=has_tool)
        is_right = told == (text, cities)
        wrong += not is_right
        with_tool = " (with the tool)" if has_tool else ""
        print(f"{'right' if is_right else 'WRONG'}: {question}{with_tool}: {told}")
    sys.stdout.flush()
    # Its threads outlive the interpreter's own end, and then write into what is no more.
    os._exit(1 if wrong else 0)


def _params(model: str) -> xllamacpp.CommonParams:
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_ctx = 4096
    params.n_parallel = 1
    params.use_jinja = True
    params.warmup = False
    return params


def _ask(address: str, question: str, *, has_tool: bool) -> tuple[str, tuple[str, ...]]:
    """Its text, and the cities for which it called the tool."""
    body: dict[str, Any] = {
        "messages": [{"role": "user", "content": question}],
        "temperature": 0,
        "max_tokens": _MAX_TOKENS,
    }
    if has_tool:
        body["tools"] = [_WEATHER]
    request = urllib.request.Request(
        f"{address}/v1/chat/completions",
        json.dumps(body).encode(),
        {"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as reply:
        message: dict[str, Any] = json.load(reply)["choices"][0]["message"]
    calls = [json.loads(call["function"]["arguments"]) for call in message.get("tool_calls") or ()]
    return message.get("content") or "", tuple(call.get("city", "") for call in calls)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
