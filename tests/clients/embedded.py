"""The gateway as users run it, with the engine and the model that comes along."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from upstreams.processes import answers, free_port, running

from .trials import ENGINE

# All that this model was made for. Agents' prompts are long: Claude Code's instructions and tools
# are 19,600 of its tokens, Codex' 14,600, OpenCode's 11,700.
CONTEXT = 32_768
# A client asks for a title or a summary beside its turn, and must not wait for that.
PLACES = 2


@contextmanager
def engine_gateway() -> Iterator[str]:
    """Its base URL, once it serves. Raises ``upstreams.processes.StartError``."""
    port = free_port()
    engine = {"name": ENGINE, "kind": "engine", "parallel": PLACES, "context": CONTEXT}
    told = {"host": "127.0.0.1", "port": port, "drain_timeout": 1, "providers": [engine]}
    with tempfile.TemporaryDirectory(prefix="strictwire-clients-") as folder:
        settings = Path(folder) / "engine.yaml"
        settings.write_text(json.dumps(told), "utf-8")  # JSON is YAML
        command = [sys.executable, "-m", "strictwire", "serve", "--config", str(settings)]
        is_up = lambda: answers(f"http://127.0.0.1:{port}/")  # noqa: E731 - named for the reader
        with running(command, Path(folder), {}, is_up=is_up):
            yield f"http://127.0.0.1:{port}/v1"
