"""OpenCode, run headless for one turn, with either of its providers; JSON events out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from .headless import fresh_place, run
from .npm import installed
from .turn import ToolRun, Turn

PACKAGE = "opencode-ai"
VERSION = "1.18.33"
_SWITCHES = (
    "OPENCODE_DISABLE_AUTOUPDATE",
    "OPENCODE_DISABLE_MODELS_FETCH",
    "OPENCODE_DISABLE_LSP_DOWNLOAD",
    "OPENCODE_DISABLE_DEFAULT_PLUGINS",
)


class OpenCode:
    """OpenCode with its chat provider."""

    name = f"OpenCode {VERSION}, chat"
    provider = "@ai-sdk/openai-compatible"

    def __init__(self) -> None:
        self._command = installed(PACKAGE, VERSION, "opencode")

    def turn(
        self,
        base_url: str,
        model: str,
        prompt: str,
        *,
        timeout_s: float,
        headers: Mapping[str, str] | None = None,
    ) -> Turn:
        options = ("--pure", "--format", "json", "--title", "t", "-m", f"local/{model}")
        with fresh_place("opencode") as place:
            settings = _settings(self.provider, base_url, model, headers or {})
            place.write(".config/opencode/opencode.json", json.dumps(settings))
            done = run(
                [str(self._command), "run", *options, prompt],
                place,
                dict.fromkeys(_SWITCHES, "1"),
                timeout_s=timeout_s,
            )
        return read_events(
            done.lines, done.exit_code, last_words=done.last_words, duration_s=done.duration_s
        )


class OpenCodeResponses(OpenCode):
    """OpenCode with its provider for Responses."""

    name = f"OpenCode {VERSION}, responses"
    provider = "@ai-sdk/openai"


def _settings(
    provider: str, base_url: str, model: str, headers: Mapping[str, str]
) -> dict[str, Any]:
    return {
        "autoupdate": False,
        "share": "disabled",
        "permission": "allow",
        "model": f"local/{model}",
        "small_model": f"local/{model}",
        "provider": {
            "local": {
                "npm": provider,
                "name": "local",
                "options": {"baseURL": base_url, "apiKey": "sk-dummy", "headers": dict(headers)},
                "models": {model: {"name": model}},
            }
        },
    }


def read_events(
    lines: Iterable[str], exit_code: int | None, *, last_words: str = "", duration_s: float = 0.0
) -> Turn:
    """One turn from the events that OpenCode printed, one JSON object a line."""
    texts: list[str] = []
    tools: list[ToolRun] = []
    errors: list[str] = []
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        part = event.get("part") or {}
        match event.get("type"):
            case "text":
                texts.append(part.get("text", ""))
            case "tool_use":
                state = part.get("state") or {}
                is_completed = state.get("status") == "completed"
                output = state.get("output") or state.get("error") or ""
                tools.append(ToolRun(part.get("tool", ""), output, is_completed))
            case "error":
                errors.append(_message(event.get("error")))
    if last_words and not errors:
        errors.append(last_words)
    return Turn(exit_code, "".join(texts), tuple(tools), tuple(errors), duration_s)


def _message(error: Any) -> str:
    if isinstance(error, dict):
        told = error.get("data") if isinstance(error.get("data"), dict) else error
        return str(told.get("message") or error.get("name") or error)[:200]
    return str(error)[:200]
