"""The lab's server: plays scenarios and recordings over real sockets, chosen by the model's name.

``LabServer(...).start()`` for tests, ``serve`` for the command line. It answers chat completions,
lists its scripts as models, and records what it played; see ``PlayLog`` to prove a cancel.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

from strictwire.lab.ask import LAB_CREATED, Ask
from strictwire.lab.connection import HttpRequest, LabConnection, Performance
from strictwire.lab.log import MAX_KEPT_BODY_BYTES, Outcome, Played, PlayLog
from strictwire.lab.playback import Playback, split_model
from strictwire.lab.replay import RECORDING_PREFIX, Recording
from strictwire.lab.scenarios import SCENARIOS
from strictwire.lab.script import Reply, error_value, json_reply
from strictwire.model.errors import CallerError

_ABOUT = (
    "strictwire lab: a scripted model server.\n"
    "POST /v1/chat/completions with a scenario's name as the model, such as healthy-text,\n"
    "finish-empty or tool-index-zero; add @pace=20ms,cut=7,body=close to say how it is played.\n"
    "GET /lab/scenarios lists them.\n"
)
_CHAT_PATHS = ("/v1/chat/completions", "/chat/completions")
_MODELS_PATHS = ("/v1/models", "/models")
_SCENARIOS_PATH = "/lab/scenarios"
_TOLD_PATHS = (*_MODELS_PATHS, "/health", "/", _SCENARIOS_PATH)
# Named in the answer to an unknown model: one healthy, one broken, one call of tools.
_EXAMPLES = ("healthy-text", "finish-empty", "healthy-tools")


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
        self._recordings: dict[str, Recording] = {}
        self._connections: set[LabConnection] = set()
        self._numbers = itertools.count(1)
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
        self._recordings = {
            name: Recording.parse(path.read_bytes()) for name, path in self._recording_files.items()
        }
        self._server = await asyncio.get_running_loop().create_server(
            lambda: LabConnection(self._answer, self._note_end, self._connections),
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

    # ---- what to answer ----

    def _answer(self, request: HttpRequest) -> Performance:
        try:
            return self._route(request)
        except CallerError as error:
            return Performance(_error_reply(error))

    def _route(self, request: HttpRequest) -> Performance:
        path = request.path
        if path in _CHAT_PATHS:
            _require(request, "POST")
            return self._play(request)
        if path not in _TOLD_PATHS:
            raise CallerError("no such path", status=404, code="not_found")
        _require(request, "GET", "HEAD")
        if path in _MODELS_PATHS:
            return _told(request, json_reply(self._models()))
        if path == "/health":
            return _told(request, json_reply({"status": "ok"}))
        if path == "/":
            about = Reply((_ABOUT.encode(),), content_type="text/plain; charset=utf-8")
            return _told(request, about)
        return _told(request, json_reply(_scenario_list()))

    def _play(self, request: HttpRequest) -> Performance:
        body = bytes(request.body)
        ask = Ask.parse(body, id=f"lab{next(self._numbers):06d}")
        script, playback = split_model(ask.model, self._defaults)
        reply = self._reply(script, ask)
        entry = Played(
            model=ask.model,
            script=script,
            headers=request.headers,
            body=body if len(body) <= MAX_KEPT_BODY_BYTES else b"",
            frames_total=len(reply.frames),
        )
        self.log.begin(entry)
        return Performance(reply, playback, entry)

    def _reply(self, script: str, ask: Ask) -> Reply:
        if script.startswith(RECORDING_PREFIX):
            recording = self._recordings.get(script.removeprefix(RECORDING_PREFIX))
            if recording is not None:
                return recording.reply
        if script in SCENARIOS:
            return SCENARIOS[script].reply(ask)
        raise CallerError(
            f"there is no scenario of that name; some are {', '.join(_EXAMPLES)}. "
            "'strictwire lab list' lists them all.",
            status=404,
            param="model",
            code="model_not_found",
        )

    def _models(self) -> dict[str, object]:
        names = [*SCENARIOS, *(f"{RECORDING_PREFIX}{name}" for name in self._recordings)]
        described = {"object": "model", "created": LAB_CREATED, "owned_by": "strictwire-lab"}
        return {"object": "list", "data": [{"id": name, **described} for name in names]}


async def serve(
    host: str, port: int, playback: Playback, announce: Callable[[], None] = lambda: None
) -> None:
    """Serves until cancelled; prints nothing itself. ``announce`` is called once it listens."""
    async with LabServer(host, port, playback):
        announce()
        await asyncio.Event().wait()


def _require(request: HttpRequest, *methods: str) -> None:
    if request.method not in methods:
        message = f"the method must be {' or '.join(methods)}"
        raise CallerError(message, status=405, code="method_not_allowed")


def _told(request: HttpRequest, reply: Reply) -> Performance:
    """A HEAD gets an empty body; the length then is that of nothing, which the format allows."""
    if request.method == "HEAD":
        reply = Reply((), content_type=reply.content_type)
    return Performance(reply)


def _scenario_list() -> list[dict[str, object]]:
    return [
        {"name": row.name, "title": row.title, "rules": row.rules, "quirks": row.quirks}
        for row in SCENARIOS.values()
    ]


def _error_reply(error: CallerError) -> Reply:
    value = error_value(error.message, type=error.type, code=error.code, param=error.param)
    return json_reply(value, status=error.status)
