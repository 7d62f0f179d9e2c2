"""Bytes of an event stream -> the JSON objects in it, as the lab's proxy looks at them.

Contract: any split of the bytes gives the same objects. What is no JSON object is left out; nothing
is judged. It shares no code with the gateway's own decoder.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from strictwire.lab.script import Json

# Longer than any event of a real server; beyond it the stream is no stream of events.
MAX_EVENT_BYTES = 32 * 1024 * 1024


class EventTooLongError(Exception):
    """An event is longer than ``MAX_EVENT_BYTES``."""


class EventLines:
    """Bytes -> the JSON objects of ``data:`` lines, with ``type`` from ``event:`` where the data
    has none. ``is_done`` once ``[DONE]`` came."""

    def __init__(self) -> None:
        self._rest = b""
        self._name = ""
        self._data: list[str] = []
        self.is_done = False

    def feed(self, data: bytes) -> list[Json]:
        """Raises ``EventTooLongError``."""
        *lines, self._rest = (self._rest + data).replace(b"\r\n", b"\n").split(b"\n")
        size = len(self._rest) + sum(map(len, self._data))
        if size > MAX_EVENT_BYTES:
            raise EventTooLongError
        return [event for line in lines for event in self._line(line.decode("utf-8", "replace"))]

    def finish(self) -> list[Json]:
        """What the last line told, if nothing ended it."""
        return self.feed(b"\n\n")

    def _line(self, line: str) -> Iterator[Json]:
        name, _, value = line.rstrip("\r").partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self._name = value
        elif name == "data":
            self._data.append(value)
        elif not name and not value:
            yield from self._dispatched()

    def _dispatched(self) -> Iterator[Json]:
        name, text = self._name, "\n".join(self._data)
        self._name, self._data = "", []
        if text.strip() == "[DONE]":
            self.is_done = True
            return
        try:
            value = json.loads(text) if text else None
        except (ValueError, RecursionError):
            return
        if isinstance(value, dict):
            if name and not isinstance(value.get("type"), str):
                value["type"] = name
            yield value
