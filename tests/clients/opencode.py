"""OpenCode, run headless for one turn: a fresh home, a scrubbed environment, JSON events out.

Only loopback is reachable: every proxy variable points to a closed port, and loopback is exempt.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .npm import installed
from .turn import PROMPT, ToolRun, Turn

PACKAGE = "opencode-ai"
VERSION = "1.18.33"
_NO_NETWORK = "http://127.0.0.1:9"
_SWITCHES = (
    "OPENCODE_DISABLE_AUTOUPDATE",
    "OPENCODE_DISABLE_MODELS_FETCH",
    "OPENCODE_DISABLE_LSP_DOWNLOAD",
    "OPENCODE_DISABLE_DEFAULT_PLUGINS",
)


class OpenCode:
    """OpenCode with its chat provider (``@ai-sdk/openai-compatible``)."""

    name = f"OpenCode {VERSION}"

    def __init__(self) -> None:
        self._command = installed(PACKAGE, VERSION, "opencode")

    def turn(self, base_url: str, model: str, *, timeout_s: float) -> Turn:
        with tempfile.TemporaryDirectory(prefix="strictwire-opencode-") as made:
            home, work = Path(made) / "home", Path(made) / "work"
            work.mkdir()
            settings = home / ".config" / "opencode" / "opencode.json"
            settings.parent.mkdir(parents=True)
            settings.write_text(json.dumps(_settings(base_url, model)), "utf-8")
            return self._run(home, work, model, timeout_s)

    def _run(self, home: Path, work: Path, model: str, timeout_s: float) -> Turn:
        options = ("--pure", "--format", "json", "--title", "t", "-m", f"local/{model}")
        begun_s = time.monotonic()
        process = subprocess.Popen(
            [str(self._command), "run", *options, PROMPT],
            cwd=work,
            env=_environment(home),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A group of its own: the command is a wrapper, and its children must go with it.
            start_new_session=True,
        )
        try:
            out, err = process.communicate(timeout=timeout_s)
            exit_code: int | None = process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            exit_code = None
        return read_events(
            out.splitlines(), exit_code, stderr=err, duration_s=time.monotonic() - begun_s
        )


def _settings(base_url: str, model: str) -> dict[str, Any]:
    return {
        "autoupdate": False,
        "share": "disabled",
        "permission": "allow",
        "model": f"local/{model}",
        "small_model": f"local/{model}",
        "provider": {
            "local": {
                "npm": "@ai-sdk/openai-compatible",
                "name": "local",
                "options": {"baseURL": base_url, "apiKey": "sk-dummy"},
                "models": {model: {"name": model}},
            }
        },
    }


def _environment(home: Path) -> dict[str, str]:
    return {
        "HOME": str(home),
        "PATH": os.environ.get("PATH", os.defpath),
        "HTTP_PROXY": _NO_NETWORK,
        "HTTPS_PROXY": _NO_NETWORK,
        "NO_PROXY": "127.0.0.1,localhost",
        **dict.fromkeys(_SWITCHES, "1"),
    }


def read_events(
    lines: Iterable[str], exit_code: int | None, *, stderr: str = "", duration_s: float = 0.0
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
    if exit_code not in (0, None) and not errors and stderr.strip():
        errors.append(stderr.strip().splitlines()[-1][:200])
    return Turn(exit_code, "".join(texts), tuple(tools), tuple(errors), duration_s)


def _message(error: Any) -> str:
    if isinstance(error, dict):
        told = error.get("data") if isinstance(error.get("data"), dict) else error
        return str(told.get("message") or error.get("name") or error)[:200]
    return str(error)[:200]
