"""The gateway as users run it: ``strictwire serve`` in a process, in front of one server."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from strictwire.config.server_kinds import KindName

from .processes import answers, free_port, running

# What the settings call the server, whatever it is: nothing may be guessed from a name.
PROVIDER = "there"


@contextmanager
def gateway(place: Path, kind: KindName, base_url: str) -> Iterator[str]:
    """Its base URL. A gateway of its own for each kind, so that nothing is learned already."""
    port = free_port()
    provider = {"name": PROVIDER, "kind": kind, "base_url": base_url}
    settings = place / f"{kind}.yaml"
    # JSON is YAML.
    told = {"host": "127.0.0.1", "port": port, "drain_timeout": 1, "providers": [provider]}
    settings.write_text(json.dumps(told), "utf-8")
    command = [sys.executable, "-m", "strictwire", "serve", "--config", str(settings)]
    is_up = lambda: answers(f"http://127.0.0.1:{port}/")  # noqa: E731 - named for the reader
    with running(command, place, {}, is_up=is_up):
        yield f"http://127.0.0.1:{port}/v1"
