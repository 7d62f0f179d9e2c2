"""What the lab answers to a request: path and model name -> a reply and the way to play it.

Contract: ``Answers.answer`` never raises; what is wrong with a request is an error in the shape of
its path. What a script plays is noted in the log.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from types import MappingProxyType
from typing import NoReturn

from strictwire.lab import passthrough
from strictwire.lab.ask import LAB_CREATED, Ask, Dialect, parse_object
from strictwire.lab.connection import HttpRequest, Performance
from strictwire.lab.embeddings import EMBEDDINGS_SCENARIOS, EmbeddingsAsk
from strictwire.lab.log import MAX_KEPT_BODY_BYTES, Played, PlayLog
from strictwire.lab.passthrough import PlainAsk, PlainRow
from strictwire.lab.playback import Playback, split_model
from strictwire.lab.replay import RECORDING_PREFIX, Recording
from strictwire.lab.scenarios import ALL_SCENARIOS, CHAT_ONLY, SCENARIOS, SCENARIOS_OF
from strictwire.lab.scenarios.answer import PROMPT_TOKENS
from strictwire.lab.scenarios.messages.errors import messages_error
from strictwire.lab.script import Reply, error_value, json_reply
from strictwire.model.errors import CallerError

_ABOUT = (
    "strictwire lab: a scripted model server.\n"
    "POST /v1/chat/completions, /v1/completions, /v1/responses, /v1/messages or /api/chat with a\n"
    "scenario's name as the model, such as healthy-text, finish-empty or tool-index-zero. Add\n"
    "@pace=20ms,cut=7,body=close to say how it is played, or @fault=reset:300 to break it off.\n"
    "GET /lab/scenarios lists them.\n"
)
_REPLY_PATHS: Mapping[str, Dialect] = MappingProxyType(
    {
        "/v1/chat/completions": "chat",
        "/chat/completions": "chat",
        "/v1/completions": "completions",
        "/completions": "completions",
        "/v1/responses": "responses",
        "/responses": "responses",
        "/v1/messages": "messages",
        "/messages": "messages",
        "/api/chat": "ollama",
    }
)
_COUNT_TOKENS_PATHS = ("/v1/messages/count_tokens", "/messages/count_tokens")
_MODELS_PATHS = ("/v1/models", "/models")
_EMBEDDINGS_PATHS = ("/v1/embeddings", "/embeddings")
_SCENARIOS_PATH = "/lab/scenarios"
_TOLD_PATHS = (*_MODELS_PATHS, "/health", "/", _SCENARIOS_PATH)
# Named in the answer to an unknown model: some that this path plays, one of them healthy.
_EXAMPLES = {
    "chat": "healthy-text, finish-empty, healthy-tools",
    "completions": "healthy-text, finish-empty, completions-chat-id",
    "responses": "healthy-text, responses-no-created, responses-sealed",
    "messages": "healthy-text, messages-no-start, messages-thinking",
    "ollama": "healthy-text, ollama-crlf, ollama-thinking-tools",
    "embeddings": "embeddings-healthy, embeddings-bare-list",
}


class Answers:
    """Ids count up from 1 and times stand still, so that the n-th reply is always the same."""

    def __init__(
        self, defaults: Playback, recordings: Mapping[str, Recording], log: PlayLog
    ) -> None:
        self._defaults = defaults
        self._recordings = recordings
        self._log = log
        self._numbers = itertools.count(1)

    def answer(self, request: HttpRequest) -> Performance:
        try:
            return self._route(request)
        except CallerError as error:
            return Performance(_error_reply(error, request.path))

    def _route(self, request: HttpRequest) -> Performance:
        path = request.path
        if path in _REPLY_PATHS:
            _require(request, "POST")
            return self._play_reply(request, _REPLY_PATHS[path])
        if path in _COUNT_TOKENS_PATHS:
            _require(request, "POST")
            return self._count_tokens(request)
        if path in _EMBEDDINGS_PATHS:
            _require(request, "POST")
            return self._play_embeddings(request)
        found = passthrough.find(request.method, path)
        if found is not None:
            return self._play_plain(request, *found)
        if path not in _TOLD_PATHS:
            raise _no_such_path()
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
        missing = self._missing(request, dialect)
        if missing is not None:
            return missing
        number = f"lab{next(self._numbers):06d}"
        ask = Ask.parse(bytes(request.body), dialect=dialect, id=number)
        script, playback = split_model(ask.model, self._defaults)
        return self._perform(request, ask.model, script, playback, self._reply(script, ask))

    def _missing(self, request: HttpRequest, dialect: Dialect) -> Performance | None:
        """What an unknown path is answered with, where this server has not this dialect; logged,
        so that a test can prove how often it was tried."""
        if self._defaults.dialects is None and b"dialects=" not in request.body:
            return None  # the body is read once, where it matters
        model = _model_in(bytes(request.body))
        script, playback = split_model(model, self._defaults)
        if playback.has(dialect):
            return None
        return self._perform(request, model, script, playback, _error_reply(_no_such_path()))

    def _count_tokens(self, request: HttpRequest) -> Performance:
        """As many as the usage of every message tells."""
        missing = self._missing(request, "messages")
        if missing is not None:
            return missing
        model = _model_in(bytes(request.body))
        script, playback = split_model(model, self._defaults)
        row = SCENARIOS_OF["messages"].get(script)
        if row is None:
            _no_such_here(script, "messages")
        reply = json_reply({"input_tokens": PROMPT_TOKENS})
        if not row.counts_tokens:
            reply = _error_reply(_no_such_path())
        elif row.is_early_error:
            reply = row.reply(row.ask)
        return self._perform(request, model, script, playback, reply)

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
        self._log.begin(entry)
        return Performance(reply, playback, entry)

    def _reply(self, script: str, ask: Ask) -> Reply:
        row = SCENARIOS_OF[ask.dialect].get(script)
        if row is not None:
            return row.reply(ask)
        return self._recorded(script) or _no_such_here(script, ask.dialect)

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


def _require(request: HttpRequest, *methods: str) -> None:
    if request.method not in methods:
        message = f"the method must be {' or '.join(methods)}"
        raise CallerError(message, status=405, code="method_not_allowed")


def _no_such_path() -> CallerError:
    return CallerError("no such path", status=404, code="not_found")


def _model_in(body: bytes) -> str:
    """The model that a request names; "" where it names none, which is told of elsewhere."""
    try:
        model = parse_object(body).get("model")
    except CallerError:
        return ""
    return model if isinstance(model, str) else ""


def _early_error(script: str) -> Reply | None:
    """Chat's errors that come before any reply are the same on every path."""
    row = SCENARIOS.get(script)
    reply = row.reply(row.ask) if row is not None else None
    return reply if reply is not None and reply.status >= 400 else None


def _no_such_here(script: str, dialect: Dialect) -> NoReturn:
    """A server that speaks chat alone does not have this path, and says it as such servers do."""
    if script in CHAT_ONLY and dialect in ("responses", "messages", "ollama"):
        raise _no_such_path()
    _no_such(dialect)


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


def _error_reply(error: CallerError, path: str = "") -> Reply:
    """In Anthropic's shape on its paths, in Ollama's on its own, else in OpenAI's."""
    if _REPLY_PATHS.get(path) == "ollama":
        return json_reply({"error": error.message}, status=error.status)
    if _REPLY_PATHS.get(path) == "messages" or path in _COUNT_TOKENS_PATHS:
        kind = "not_found_error" if error.status == 404 else "invalid_request_error"
        return json_reply(messages_error(kind, error.message), status=error.status)
    value = error_value(error.message, type=error.type, code=error.code, param=error.param)
    return json_reply(value, status=error.status)
