"""The lab's server: plays scenarios and recordings over real sockets, chosen by the model's name.

``LabServer(...).start()`` for tests, ``serve`` for the command line. It answers chat and text
completions, lists its scripts as models, and records what it played; see ``PlayLog`` to prove a
cancel.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn

from strictwire.lab import passthrough
from strictwire.lab.ask import LAB_CREATED, Ask, Dialect
from strictwire.lab.connection import HttpRequest, LabConnection, Performance
from strictwire.lab.embeddings import EMBEDDINGS_SCENARIOS, EmbeddingsAsk
from strictwire.lab.log import MAX_KEPT_BODY_BYTES, Outcome, Played, PlayLog
from strictwire.lab.passthrough import PlainAsk, PlainRow
from strictwire.lab.playback import Playback, split_model
from strictwire.lab.replay import RECORDING_PREFIX, Recording
from strictwire.lab.scenarios import ALL_SCENARIOS, COMPLETIONS_SCENARIOS, SCENARIOS, Scenario
from strictwire.lab.script import Reply, error_value, json_reply
from strictwire.model.errors import CallerError

_ABOUT = (
    "strictwire lab: a scripted model server.\n"
    "POST /v1/chat/completions or /v1/completions with a scenario's name as the model, such as\n"
    "healthy-text, finish-empty or tool-index-zero. Add @pace=20ms,cut=7,body=close to say how it\n"
    "is played, or @fault=reset:300 to break it off.\n"
    "GET /lab/scenarios lists them.\n"
)
_REPLY_PATHS: Mapping[str, Dialect] = MappingProxyType(
    {
        "/v1/chat/completions": "chat",
        "/chat/completions": "chat",
        "/v1/completions": "completions",
        "/completions": "completions",
    }
)
_TABLES: Mapping[Dialect, Mapping[str, Scenario]] = MappingProxyType(
    {"chat": SCENARIOS, "completions": COMPLETIONS_SCENARIOS}
)
_MODELS_PATHS = ("/v1/models", "/models")
_EMBEDDINGS_PATHS = ("/v1/embeddings", "/embeddings")
_SCENARIOS_PATH = "/lab/scenarios"
_TOLD_PATHS = (*_MODELS_PATHS, "/health", "/", _SCENARIOS_PATH)
# Named in the answer to an unknown model: some that this path plays, one of them healthy.
_EXAMPLES = {
    "chat": "healthy-text, finish-empty, healthy-tools",
    "completions": "healthy-text, finish-empty, completions-chat-id",
    "embeddings": "embeddings-healthy, embeddings-bare-list",
}


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
            lambda: LabConnection(
                self._answer,
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

    # ---- what to answer ----

    def _answer(self, request: HttpRequest) -> Performance:
        try:
            return self._route(request)
        except CallerError as error:
            return Performance(_error_reply(error))

    def _route(self, request: HttpRequest) -> Performance:
        path = request.path
        if path in _REPLY_PATHS:
            _require(request, "POST")
            return self._play_reply(request, _REPLY_PATHS[path])
        if path in _EMBEDDINGS_PATHS:
            _require(request, "POST")
            return self._play_embeddings(request)
        found = passthrough.find(request.method, path)
        if found is not None:
            return self._play_plain(request, *found)
        if path not in _TOLD_PATHS:
            raise CallerError("no such path", status=404, code="not_found")
        _require(request, "GET", "HEAD")
        return self._tell(request)

    def _tell(self, request: HttpRequest) -> Performance:
        match request.path:
            case "/health":
                return _told(request, json_reply({"status": "ok"}))
            case "/":
                about = Reply((_ABOUT.encode(),), content_type="text/plain; charset=utf-8")
                return _told(request, about)
            case path if path in _MODELS_PATHS:
                return _told(request, json_reply(self._models()))
        return _told(request, json_reply(_scenario_list()))

    def _play_reply(self, request: HttpRequest, dialect: Dialect) -> Performance:
        number = f"lab{next(self._numbers):06d}"
        ask = Ask.parse(bytes(request.body), dialect=dialect, id=number)
        script, playback = split_model(ask.model, self._defaults)
        return self._perform(request, ask.model, script, playback, self._reply(script, ask))

    def _play_embeddings(self, request: HttpRequest) -> Performance:
        ask = EmbeddingsAsk.parse(bytes(request.body))
        script, playback = split_model(ask.model, self._defaults)
        if script in EMBEDDINGS_SCENARIOS:
            reply = EMBEDDINGS_SCENARIOS[script].reply(ask)
        else:
            reply = self._recorded(script) or _early_error(script) or _no_such("embeddings")
        return self._perform(request, ask.model, script, playback, reply)

    def _play_plain(self, request: HttpRequest, row: PlainRow, rest: str) -> Performance:
        ask = PlainAsk(
            query=request.query,
            content_type=request.headers.get("content-type", ""),
            head=bytes(request.body),
            body_bytes=request.size_bytes,
            body_sha256=request.sha256,
            rest=rest,
        )
        script, playback = split_model(ask.model, self._defaults)
        reply = _early_error(script) or row.reply(ask)
        return self._perform(request, ask.model, script, playback, reply)

    def _perform(
        self, request: HttpRequest, model: str, script: str, playback: Playback, reply: Reply
    ) -> Performance:
        is_short = request.size_bytes <= MAX_KEPT_BODY_BYTES
        entry = Played(
            model=model,
            script=script,
            headers=request.headers,
            body=bytes(request.body) if is_short else b"",
            method=request.method,
            path=request.path,
            body_bytes=request.size_bytes,
            body_sha256=request.sha256 if request.is_streamed else "",
            frames_total=len(reply.frames),
        )
        self.log.begin(entry)
        return Performance(reply, playback, entry)

    def _reply(self, script: str, ask: Ask) -> Reply:
        if script in _TABLES[ask.dialect]:
            return _TABLES[ask.dialect][script].reply(ask)
        return self._recorded(script) or _no_such(ask.dialect)

    def _recorded(self, script: str) -> Reply | None:
        name = script.removeprefix(RECORDING_PREFIX)
        recording = self._recordings.get(name) if name != script else None
        return None if recording is None else recording.reply

    def _models(self) -> dict[str, object]:
        names = [
            *ALL_SCENARIOS,
            *EMBEDDINGS_SCENARIOS,
            *(f"{RECORDING_PREFIX}{name}" for name in self._recordings),
        ]
        described = {"object": "model", "created": LAB_CREATED, "owned_by": "strictwire-lab"}
        return {"object": "list", "data": [{"id": name, **described} for name in names]}


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


def _require(request: HttpRequest, *methods: str) -> None:
    if request.method not in methods:
        message = f"the method must be {' or '.join(methods)}"
        raise CallerError(message, status=405, code="method_not_allowed")


def _early_error(script: str) -> Reply | None:
    """Chat's errors that come before any reply are the same on every path."""
    row = SCENARIOS.get(script)
    reply = row.reply(row.ask) if row is not None else None
    return reply if reply is not None and reply.status >= 400 else None


def _no_such(kind: str) -> NoReturn:
    raise CallerError(
        f"there is no scenario of that name for {kind}; some are {_EXAMPLES[kind]}. "
        "'strictwire lab list' lists them all.",
        status=404,
        param="model",
        code="model_not_found",
    )


def _told(request: HttpRequest, reply: Reply) -> Performance:
    """A HEAD gets an empty body; the length then is that of nothing, which the format allows."""
    if request.method == "HEAD":
        reply = Reply((), content_type=reply.content_type)
    return Performance(reply)


def _scenario_list() -> list[dict[str, object]]:
    return [
        {
            "name": row.name,
            "title": row.title,
            "dialects": sorted(row.dialects),
            "rules": row.rules,
            "faults": row.faults,
            "quirks": row.quirks,
        }
        for row in ALL_SCENARIOS.values()
    ]


def _error_reply(error: CallerError) -> Reply:
    value = error_value(error.message, type=error.type, code=error.code, param=error.param)
    return json_reply(value, status=error.status)
