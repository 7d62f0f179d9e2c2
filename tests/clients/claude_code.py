"""Claude Code, run headless for one turn over Messages; JSON events out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from .headless import fresh_place, run
from .npm import installed
from .turn import ToolRun, Turn

PACKAGE = "@anthropic-ai/claude-code"
VERSION = "2.1.329"
_SWITCHES = (
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
    "DISABLE_TELEMETRY",
    "DISABLE_AUTOUPDATER",
    "DISABLE_ERROR_REPORTING",
)


class ClaudeCode:
    name = f"Claude Code {VERSION}"

    def __init__(self) -> None:
        self._command = installed(PACKAGE, VERSION, "claude")

    def turn(
        self,
        base_url: str,
        model: str,
        prompt: str,
        *,
        timeout_s: float,
        headers: Mapping[str, str] | None = None,
    ) -> Turn:
        options = (
            "--model", model, "--output-format", "stream-json", "--verbose",
            "--allowedTools", "Bash", "--max-turns", "6",
        )  # fmt: skip
        with fresh_place("claude-code") as place:
            variables = dict.fromkeys(_SWITCHES, "1") | {
                "ANTHROPIC_BASE_URL": base_url.removesuffix("/v1"),
                "ANTHROPIC_API_KEY": "sk-dummy",
                "ANTHROPIC_SMALL_FAST_MODEL": model,
                "ANTHROPIC_DEFAULT_HAIKU_MODEL": model,
                "CLAUDE_CONFIG_DIR": str(place.home / ".claude"),
                "CLAUDE_CODE_MAX_RETRIES": "0",
                "ANTHROPIC_CUSTOM_HEADERS": _lines(headers or {}),
            }
            command = [str(self._command), "-p", prompt, *options]
            done = run(command, place, variables, timeout_s=timeout_s)
        return read_events(
            done.lines, done.exit_code, last_words=done.last_words, duration_s=done.duration_s
        )


def _lines(headers: Mapping[str, str]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in headers.items())


def read_events(
    lines: Iterable[str], exit_code: int | None, *, last_words: str = "", duration_s: float = 0.0
) -> Turn:
    """One turn from the events that Claude Code printed, one JSON object a line."""
    texts: list[str] = []
    tools: list[ToolRun] = []
    errors: list[str] = []
    names: dict[str, str] = {}
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if event.get("type") == "result" and event.get("is_error"):
            errors.append(str(event.get("result") or event.get("subtype"))[:200])
        for block in _blocks(event):
            match block.get("type"):
                case "text" if event.get("type") == "assistant":
                    texts.append(block.get("text", ""))
                case "tool_use":
                    names[block.get("id", "")] = block.get("name", "")
                case "tool_result":
                    name = names.get(block.get("tool_use_id", ""), "")
                    is_completed = bool(name) and not block.get("is_error")
                    tools.append(ToolRun(name, _text(block.get("content")), is_completed))
    if last_words and not errors:
        errors.append(last_words)
    return Turn(exit_code, "".join(texts), tuple(tools), tuple(errors), duration_s)


def _blocks(event: dict[str, Any]) -> list[dict[str, Any]]:
    message = event.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    return [block for block in content if isinstance(block, dict)] if content else []


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(part.get("text", "") for part in parts if isinstance(part, dict))
