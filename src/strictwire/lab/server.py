"""The lab's server: plays scenarios and recordings over real sockets, chosen by the model's name.

``LabServer(...).start()`` for tests, ``serve`` for the command line. What it answers is said in
``answers``; it records what it played: see ``PlayLog`` to prove a cancel.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

from strictwire.lab import passthrough
from strictwire.lab.answers import Answers
from strictwire.lab.connection import LabConnection
from strictwire.lab.log import Outcome, Played, PlayLog
from strictwire.lab.playback import Playback
from strictwire.lab.replay import Recording


class LabServer:
    """``defaults`` apply where the model's name says nothing; ``recordings`` are files with raw
    HTTP replies, played as ``recording:NAME``. Ids count up from 1 and times stand still, so that
    the n-th reply of a server is always the same."""

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        defaults: Playback | None = None,
        *,
        recordings: Mapping[str, Path] | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._defaults = defaults or Playback()
        self._recording_files = dict(recordings or {})
        self._connections: set[LabConnection] = set()
        self._server: asyncio.Server | None = None
        self._is_stopping = False
        self.log = PlayLog()

    @property
    def port(self) -> int:
        return self._port

    @property
    def url(self) -> str:
        """The base address that an OpenAI client is given."""
        return f"http://{self._host}:{self._port}/v1"

    @property
    def open_connections(self) -> int:
        return len(self._connections)

    async def start(self) -> int:
        """Listens, and returns the port."""
        recordings = {
            name: Recording.parse(path.read_bytes()) for name, path in self._recording_files.items()
        }
        answers = Answers(self._defaults, recordings, self.log)
        self._server = await asyncio.get_running_loop().create_server(
            lambda: LabConnection(
                answers.answer,
                self._note_end,
                self._connections,
                lambda request: passthrough.streams_at(request.path),
            ),
            self._host,
            self._port,
            family=socket.AF_UNSPEC if ":" in self._host else socket.AF_INET,
        )
        self._port = self._server.sockets[0].getsockname()[1]
        return self._port

    async def stop(self) -> None:
        """Closes every connection; returns when nothing of the server runs any more."""
        self._is_stopping = True
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._connections):
            await connection.abort()
        if self._server is not None:
            await self._server.wait_closed()

    async def __aenter__(self) -> LabServer:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    def _note_end(self, entry: Played, is_played: bool) -> None:
        unplayed: Outcome = "stopped" if self._is_stopping else "disconnected"
        self.log.end(entry, "played" if is_played else unplayed)


async def serve(
    host: str,
    port: int,
    playback: Playback,
    announce: Callable[[], None] = lambda: None,
    *,
    recordings: Mapping[str, Path] | None = None,
) -> None:
    """Serves until cancelled; prints nothing itself. ``announce`` is called once it listens."""
    async with LabServer(host, port, playback, recordings=recordings):
        announce()
        await asyncio.Event().wait()
