"""The settings: frozen data, and at the same time the one table that describes each of them.

Contract: an instance made by ``load`` or ``from_flags`` has passed every check, and is never
changed. Secrets are ``Secret``. Nothing here reads files or the environment. What is said of one
server to ask is in ``config.provider``.
"""

# ruff: noqa: RUF009 - setting() declares a field, its default is immutable

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from strictwire.config.addresses import normal_host, normal_origin
from strictwire.config.kinds import Choice, Items, OrNone, Record, Seconds, Switch, Text, Whole
from strictwire.config.provider import (
    API_KEY,
    DIALECTS,
    EXTRA_FIELDS,
    KEEPALIVE,
    REASONING_KEY,
    STREAM,
    AskedDialect,
    Provider,
    Timeouts,
)
from strictwire.config.secret import Secret
from strictwire.config.server_kinds import StreamMode
from strictwire.config.table import setting
from strictwire.model.request import AfterError, ExtraFields, ReasoningKey

MEBIBYTE = 1024 * 1024
# Below a kibibyte no request fits; above a gibibyte one request could take the whole machine.
_BODY_BYTES = Whole(1024, 1024 * MEBIBYTE)
# Ten years: who wants to keep more wants an archive.
_MAX_RETENTION_DAYS = 3650
# More processes than any machine has cores for is a slip of the keyboard.
_MAX_WORKERS = 256

_ORIGIN = Text(
    'an origin such as https://app.example, or "*"',
    normal_origin,
    r"^(?:\*|[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#@*]+)$",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Which paths are served beside chat completions. One that is off is a 404 that says so."""

    completions: bool = setting(Switch(), "`POST /v1/completions`.", default=True)
    responses: bool = setting(Switch(), "`/v1/responses` and all below it.", default=True)
    messages: bool = setting(
        Switch(), "`POST /v1/messages` and `/v1/messages/count_tokens`.", default=True
    )
    embeddings: bool = setting(Switch(), "`POST /v1/embeddings`.", default=True)
    images: bool = setting(Switch(), "`/v1/images/…`, passed through.", default=True)
    audio: bool = setting(Switch(), "`/v1/audio/…`, passed through.", default=True)
    files: bool = setting(
        Switch(), "`/v1/files…` and `/v1/uploads…`, passed through.", default=True
    )
    moderations: bool = setting(Switch(), "`/v1/moderations`, passed through.", default=True)
    rerank: bool = setting(Switch(), "`/v1/rerank`, passed through.", default=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredResponses:
    """How long responses are kept to be asked for again, and how much room they get."""

    retention: int = setting(
        Whole(1, _MAX_RETENTION_DAYS),
        "Days for which the database keeps a response that was asked for with `store: true`.",
        default=30,
    )
    memory_ttl: float = setting(
        Seconds(),
        "Seconds for which a response is kept in memory if its request did not say `store`.",
        default=3600.0,
    )
    memory_bytes: int = setting(
        Whole(0, 64 * 1024 * MEBIBYTE),
        "Bytes that the responses in memory may take together, for each process. The one that was "
        "used least recently goes first. `0` keeps none.",
        default=128 * MEBIBYTE,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that a gateway is told when it starts."""

    host: str = setting(
        Text("a host", normal_host, r"^[^\s/]+$"),
        "The address to listen on. One that other machines can reach needs an API key, or "
        "`allow_public_without_key`.",
        default="127.0.0.1",
        flag="--host",
        flag_value="HOST",
    )
    port: int = setting(Whole(1, 65535), "The TCP port to listen on.", default=8080, flag="--port")
    workers: int = setting(
        Whole(1, _MAX_WORKERS), "How many processes serve.", default=1, flag="--workers"
    )
    api_keys: tuple[Secret, ...] = setting(
        Items(API_KEY),
        "Keys of which a client must send one, as bearer token or `x-api-key`. Without any, "
        "every client on this machine may ask.",
        default=(),
        flag="--api-key",
        flag_value="KEY",
        flag_doc="Other users of this machine can see it in the process list; the environment "
        "variable is safe from them.",
        environment="STRICTWIRE_API_KEYS",
    )
    allow_public_without_key: bool = setting(
        Switch(),
        "Serve on a public address although no API key is set.",
        default=False,
        flag="--allow-public-without-key",
    )
    cors: tuple[str, ...] = setting(
        Items(_ORIGIN, is_single_allowed=True),
        'Origins of web pages that may ask, or `"*"` for every page.',
        default=(),
        flag="--cors",
        flag_value="ORIGIN",
    )
    stream: StreamMode = setting(
        STREAM,
        "Whether providers are asked for a stream: `auto` (as the client asked), `always` or "
        "`never`. A provider of the file may say otherwise.",
        default="auto",
        flag="--stream",
        flag_doc="The flag holds for every provider.",
        legacy="force_upstream_stream",
        legacy_value="always",
    )
    dialects: tuple[AskedDialect, ...] = setting(
        DIALECTS,
        "The dialects that providers are asked in: `auto` (the client's own, and chat where the "
        "provider does not have it), or a list of chat, completions, responses, messages and "
        "ollama (its own API). A provider of the file may say otherwise.",
        default=("auto",),
        flag="--dialect",
        flag_value="DIALECT",
        flag_doc="A list may be separated by commas. The flag holds for every provider.",
    )
    keepalive: float = setting(
        KEEPALIVE,
        "Seconds without a byte to the client after which a stream sends a keepalive comment.",
        default=15.0,
    )
    nonstream_keepalive: float = setting(
        KEEPALIVE,
        "Seconds without a byte after which a whole reply is begun with white space. A failure "
        "after that can only cut the connection.",
        default=0.0,
    )
    after_error: AfterError = setting(
        Choice(("done", "cut")),
        "How a chat stream ends after an error in it: with `[DONE]`, or by closing the "
        "connection in the middle.",
        default="done",
    )
    responses_done: bool = setting(
        Switch(),
        "Whether a Responses stream ends with `data: [DONE]` after its last event.",
        default=True,
    )
    reasoning_key: ReasoningKey = setting(
        REASONING_KEY,
        "The name under which chat clients get reasoning.",
        default="reasoning_content",
    )
    extra_fields: ExtraFields = setting(
        EXTRA_FIELDS,
        "Whether fields that OpenAI does not know reach the client: `keep` or `drop`.",
        default="keep",
    )
    linger_s: float = setting(
        Seconds(zero="does not wait"),
        "Seconds to wait for usage after every choice has finished.",
        default=1.0,
    )
    drain_timeout: float = setting(
        Seconds(zero="does not wait"),
        "Seconds that open requests may take to finish on shutdown.",
        default=30.0,
        flag="--drain-timeout",
    )
    max_body_bytes: int = setting(
        _BODY_BYTES, "The largest request body, in bytes.", default=64 * MEBIBYTE
    )
    max_reply_bytes: int = setting(
        _BODY_BYTES,
        "The largest reply that is held whole, in bytes. Streams are not bounded by it.",
        default=64 * MEBIBYTE,
    )
    log_level: str = setting(
        Choice(("debug", "info", "warning", "error")),
        "What is logged, to standard error.",
        default="info",
        flag="--log-level",
    )
    timeouts: Timeouts = setting(Record(Timeouts), "Timeouts by phase.", default=Timeouts())
    database: str | None = setting(
        OrNone(Text("a path")),
        "The file of the database, which is made when the first response is stored in it. Without "
        "one it is `strictwire/strictwire.db` in the user's folder for state.",
        default=None,
    )
    stored_responses: StoredResponses = setting(
        Record(StoredResponses), "Responses that are kept.", default=StoredResponses()
    )
    endpoints: Endpoints = setting(
        Record(Endpoints), "Paths to serve beside chat completions.", default=Endpoints()
    )
    providers: tuple[Provider, ...] = setting(
        Items(Record(Provider)), "The servers to send requests to.", default=()
    )

    def secrets(self) -> Iterator[str]:
        """Every secret text in the clear, for the log's last net."""
        yield from (key.reveal() for key in self.api_keys)
        for provider in self.providers:
            yield from (key.reveal() for key in provider.api_keys)
            yield from (value.reveal() for _, value in provider.headers)
            if provider.proxy is not None and "@" in provider.proxy:
                yield provider.proxy.partition("://")[2].rpartition("@")[0]
