"""Codex CLI, run headless for one turn over Responses; JSON events out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from .headless import fresh_place, run
from .npm import installed
from .turn import ToolRun, Turn

PACKAGE = "@openai/codex"
VERSION = "0.169.0"
_OPTIONS = (
    "exec", "--skip-git-repo-check", "-s", "danger-full-access", "--json", "--color", "never",
)  # fmt: skip
_SETTINGS = """
model = {model}
model_provider = "local"
approval_policy = "never"
web_search = "disabled"
check_for_update_on_startup = false

[analytics]
enabled = false

[model_providers.local]
name = "local"
base_url = {base_url}
wire_api = "responses"
env_key = "LOCAL_KEY"
request_max_retries = 0
stream_max_retries = 0
supports_websockets = {is_over_socket}
http_headers = {headers}
"""


class Codex:
    """Codex over HTTP. ``is_over_socket`` is a word of TOML."""

    name = f"Codex {VERSION}"
    is_over_socket = "false"

    def __init__(self) -> None:
        self._command = installed(PACKAGE, VERSION, "codex")

    def turn(
        self,
        base_url: str,
        model: str,
        prompt: str,
        *,
        timeout_s: float,
        headers: Mapping[str, str] | None = None,
    ) -> Turn:
        with fresh_place("codex") as place:
            # A JSON string is a TOML string.
            pairs = [f"{json.dumps(k)} = {json.dumps(v)}" for k, v in (headers or {}).items()]
            settings = _SETTINGS.format(
                model=json.dumps(model),
                base_url=json.dumps(base_url),
                headers=f"{{{', '.join(pairs)}}}",
                is_over_socket=self.is_over_socket,
            )
            place.write(".codex/config.toml", settings)
            variables = {"CODEX_HOME": str(place.home / ".codex"), "LOCAL_KEY": "sk-dummy"}
            command = [str(self._command), *_OPTIONS, prompt]
            done = run(command, place, variables, timeout_s=timeout_s)
        return read_events(
            done.lines, done.exit_code, last_words=done.last_words, duration_s=done.duration_s
        )


class CodexOverSocket(Codex):
    """Codex in WebSocket mode."""

    name = f"Codex {VERSION}, WebSocket"
    is_over_socket = "true"


def read_events(
    lines: Iterable[str], exit_code: int | None, *, last_words: str = "", duration_s: float = 0.0
) -> Turn:
    """One turn from the events that Codex printed, one JSON object a line."""
    texts: list[str] = []
    tools: list[ToolRun] = []
    errors: list[str] = []
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        match event.get("type"):
            case "item.completed":
                _add_item(event.get("item") or {}, texts, tools)
            case "error":
                errors.append(str(event.get("message"))[:200])
            case "turn.failed":
                errors.append(str((event.get("error") or {}).get("message"))[:200])
    if last_words and not errors:
        errors.append(last_words)
    return Turn(exit_code, "".join(texts), tuple(tools), tuple(errors), duration_s)


def _add_item(item: dict[str, Any], texts: list[str], tools: list[ToolRun]) -> None:
    match item.get("type"):
        case "agent_message":
            texts.append(item.get("text", ""))
        case "command_execution":
            is_completed = item.get("status") == "completed" and item.get("exit_code") == 0
            tools.append(ToolRun("command", item.get("aggregated_output", ""), is_completed))
