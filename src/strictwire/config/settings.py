"""The settings: frozen data, and at the same time the one table that describes each of them.

Contract: an instance made by ``load`` or ``from_flags`` has passed every check, and is never
changed. Secrets are ``Secret``. Nothing here reads files or the environment.
"""

# ruff: noqa: RUF009 - setting() declares a field, its default is immutable

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from strictwire.config.addresses import (
    normal_base_url,
    normal_host,
    normal_origin,
    normal_proxy_url,
)
from strictwire.config.kinds import (
    Choice,
    Headers,
    Items,
    NamedRecord,
    OneNumber,
    OrNone,
    Record,
    RuleModes,
    Seconds,
    Switch,
    Text,
    Whole,
    normal_key,
    normal_model_name,
    normal_provider_name,
)
from strictwire.config.model_files import DEMO_NAME, model_name_of
from strictwire.config.secret import Secret
from strictwire.config.server_kinds import (
    KIND_NAMES,
    SERVER_KINDS,
    KindName,
    ServerKind,
    StreamMode,
)
from strictwire.config.table import required, setting
from strictwire.model.request import AfterError, ExtraFields, ReasoningKey, UpstreamDialect

AskedDialect = UpstreamDialect | Literal["auto"]

MEBIBYTE = 1024 * 1024
# Below a kibibyte no request fits; above a gibibyte one request could take the whole machine.
_BODY_BYTES = Whole(1024, 1024 * MEBIBYTE)
# Ten years: who wants to keep more wants an archive.
_MAX_RETENTION_DAYS = 3650
# Each place of the engine has the memory of a whole context.
_MAX_PARALLEL = 256
# The longest that models are trained for today, ten times over.
_MAX_CONTEXT = 10_000_000
# Each costs a connection and its request's body; whoever waits behind thousands has gone long ago.
_MAX_QUEUE = 10_000
# More processes than any machine has cores for is a slip of the keyboard.
_MAX_WORKERS = 256

_API_KEY = Text("an API key", normal_key, r"^[\x21-\x7e]+$")
_ORIGIN = Text(
    'an origin such as https://app.example, or "*"',
    normal_origin,
    r"^(?:\*|[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#@*]+)$",
)
_BASE_URL = Text("a URL", normal_base_url, r"^https?://[^\s/?#@]+(?:/[^\s?#]*)?$")
_PROXY = Text("a URL", normal_proxy_url, r"^https?://[^\s/?#]+/?$")
_MODEL_NAME = Text("a model name", normal_model_name, r"^\S(?:.*\S)?$")
_STREAM = Choice(("auto", "always", "never"))
_DIALECTS = Items(
    Choice(("auto", "chat", "completions", "responses", "messages", "ollama")),
    is_single_allowed=True,
)
_KEEPALIVE = Seconds(zero="turns it off")
_REASONING_KEY = Choice(("reasoning_content", "reasoning", "both"))
_EXTRA_FIELDS = Choice(("keep", "drop"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long each phase of a request may take, in seconds. An error names the phase."""

    request_body: float = setting(
        Seconds(),
        "For the client to send its whole request body.",
        default=60.0,
        scope="gateway",
    )
    connect: float = setting(Seconds(), "To connect to the provider, TLS included.", default=10.0)
    first_byte: float = setting(
        Seconds(),
        "From the request's last byte to the reply's first. A long prompt on a slow machine "
        "needs minutes.",
        default=600.0,
    )
    idle: float = setting(
        Seconds(),
        "Between two pieces of a reply. Time in which the client kept us from reading does not "
        "count.",
        default=300.0,
    )
    write_stall: float = setting(
        Seconds(), "For a client that has stopped reading its reply.", default=120.0
    )
    total: float = setting(Seconds(zero="turns it off"), "For the whole request.", default=0.0)


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
class Model:
    """A model that a provider serves. A plain text in the list is a model without aliases."""

    name: str = required(_MODEL_NAME, "The model's name as the provider knows it.")
    aliases: tuple[str, ...] = setting(
        Items(_MODEL_NAME),
        "Other names that clients may ask for. A reply shows the name that was asked for.",
        default=(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A server to send requests to. Inherited settings are filled in already."""

    name: str = required(
        Text("a name", normal_provider_name, r"^[A-Za-z0-9][A-Za-z0-9._-]*$"),
        "The provider's name in logs, metrics and model names (`name/model`).",
    )
    kind: KindName = setting(
        Choice(KIND_NAMES),
        "What the server is. `auto` finds out; `engine` is llama.cpp in a process of the gateway's "
        "own. docs/kinds.md tells what each means.",
        default="auto",
        flag="--kind",
        flag_value="KIND",
        flag_doc="Goes with --upstream, which a kind that has a usual place may do without. One of "
        f"{', '.join(name for name in KIND_NAMES if name != 'engine')}.",
    )
    base_url: str = setting(
        _BASE_URL,
        "The URL of the API root, with or without a slash at its end. Where the path is empty, "
        "`/v1` is appended. A kind that has a usual place may do without.",
        default="",
        not_kind="engine",
    )
    model: str | None = setting(
        OrNone(Text("a path")),
        "The model's GGUF file, `~` for the home folder. Without one the engine runs the tiny "
        "model that it brings along, a demonstration.",
        default=None,
        only_kind="engine",
        flag="--model",
        flag_value="FILE.gguf",
        flag_doc="The flag makes the one engine to serve, in place of the file's providers.",
    )
    parallel: int = setting(
        Whole(1, _MAX_PARALLEL),
        "How many requests the engine answers at a time. Each has memory for a whole context.",
        default=2,
        only_kind="engine",
        flag="--parallel",
        flag_doc="The demonstration model has 4.",
    )
    context: int = setting(
        Whole(0, _MAX_CONTEXT),
        "Tokens that one request may use, prompt and answer together; more than the model was "
        "trained for is refused. `0` takes what it was trained for, at most 32,768.",
        default=0,
        only_kind="engine",
        flag="--context",
    )
    gpu_layers: int = setting(
        Whole(-1, 9999),
        "How many layers of the model go to a GPU; `-1` for all that fit.",
        default=-1,
        only_kind="engine",
        flag="--gpu-layers",
    )
    prefill_batch: int = setting(
        Whole(1, 16_384),
        "Tokens that are read at a time. Prefill progress is told once for each batch, and a "
        "client that leaves is noticed then.",
        default=256,
        only_kind="engine",
        flag="--prefill-batch",
    )
    kv_bits: int = setting(
        OneNumber((4, 8, 16)),
        "Bits for each number of the context's memory. Fewer take less room and answer a little "
        "worse.",
        default=16,
        only_kind="engine",
        flag="--kv-bits",
    )
    idle_unload: float = setting(
        Seconds(zero="never unloads"),
        "Seconds without a request after which the engine's process ends and gives its memory "
        "back. The next request starts it again.",
        default=0.0,
        only_kind="engine",
        flag="--idle-unload",
    )
    queue: int = setting(
        Whole(0, _MAX_QUEUE),
        "How many requests may wait in line for the engine. One more is refused with 503.",
        default=64,
        only_kind="engine",
        flag="--queue",
    )
    api_keys: tuple[Secret, ...] = setting(
        Items(_API_KEY),
        "Keys for the provider; several are used in turn.",
        default=(),
        not_kind="engine",
    )
    stream: StreamMode = setting(
        _STREAM,
        "Whether the provider is asked for a stream: `auto` (as the client asked), `always` or "
        "`never`. The client gets what it asked for in any case.",
        default="auto",
        is_inherited=True,
        legacy="force_upstream_stream",
        legacy_value="always",
    )
    dialects: tuple[AskedDialect, ...] = setting(
        _DIALECTS,
        "The dialects that the provider is asked in: `auto` (the client's own, and chat once the "
        "provider was seen not to have that path), or a list. A client of a listed dialect is "
        "asked for in its own, any other in the first of chat, responses, messages and ollama that "
        "is listed.",
        default=("auto",),
        is_inherited=True,
        not_kind="engine",
    )
    headers: tuple[tuple[str, Secret], ...] = setting(
        Headers(), "Headers to add to each request.", default=(), not_kind="engine"
    )
    timeouts: Timeouts = setting(
        Record(Timeouts, scope="everywhere"),
        "Timeouts of this provider that differ from the top level's.",
        default=Timeouts(),
        is_inherited=True,
    )
    keepalive: float = setting(
        _KEEPALIVE,
        "Seconds without a byte to the client after which a stream sends a keepalive comment.",
        default=15.0,
        is_inherited=True,
    )
    repairs: tuple[tuple[str, str], ...] = setting(
        RuleModes(),
        "Rules to switch, by name: `off`, or another mode that the rule's page names. A rule that "
        "is not named runs in its default mode.",
        default=(),
    )
    reasoning_key: ReasoningKey = setting(
        _REASONING_KEY,
        "The name under which chat clients get reasoning.",
        default="reasoning_content",
        is_inherited=True,
    )
    extra_fields: ExtraFields = setting(
        _EXTRA_FIELDS,
        "Whether fields that OpenAI does not know reach the client: `keep` or `drop`.",
        default="keep",
        is_inherited=True,
    )
    models: tuple[Model, ...] = setting(
        Items(NamedRecord(Record(Model), _MODEL_NAME)),
        "The models that this provider serves. A provider without a list takes every model that "
        "no other one claims.",
        default=(),
    )
    proxy: str | None = setting(
        OrNone(_PROXY),
        "The URL of a proxy (http or https) to reach the provider through.",
        default=None,
        is_shown_in_repr=False,  # it may hold a password
        not_kind="engine",
    )
    insecure_tls: bool = setting(
        Switch(),
        "Accept any TLS certificate. Whoever sits between can then read the keys: prefer "
        "`ca_file`.",
        default=False,
        not_kind="engine",
    )
    ca_file: str | None = setting(
        OrNone(Text("a path")),
        "A PEM file with the certificates to trust in place of the system's.",
        default=None,
        not_kind="engine",
    )

    @property
    def listed_dialects(self) -> tuple[UpstreamDialect, ...]:
        """The dialects that the setting lists; none for "auto"."""
        return tuple(one for one in self.dialects if one != "auto")

    @property
    def root_url(self) -> str:
        """Where a server's own API begins, beside the one that all share."""
        return self.base_url.removesuffix("/v1")

    @property
    def is_engine(self) -> bool:
        return self.kind == "engine"

    @property
    def is_demonstration(self) -> bool:
        """Whether it runs the model that comes along, for want of a real one."""
        return self.is_engine and self.model is None

    @property
    def model_name(self) -> str:
        """An engine's model as clients see it: as it is listed, else as its file is named."""
        if self.models:
            return self.models[0].name
        return DEMO_NAME if self.model is None else model_name_of(self.model)

    @property
    def own_model(self) -> str:
        """The one model of an engine; empty where it is for the server to say what it has."""
        return self.model_name if self.is_engine else ""

    @property
    def server_kind(self) -> ServerKind:
        """What is known of its kind by the settings alone."""
        return SERVER_KINDS[self.kind]

    @property
    def modes(self) -> Mapping[str, str]:
        """The mode of each rule that ``repairs`` names."""
        return _modes(self.repairs)


@functools.cache  # asked for each request, and as many answers as providers
def _modes(repairs: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    return dict(repairs)


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
        Items(_API_KEY),
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
        _STREAM,
        "Whether providers are asked for a stream: `auto` (as the client asked), `always` or "
        "`never`. A provider of the file may say otherwise.",
        default="auto",
        flag="--stream",
        flag_doc="The flag holds for every provider.",
        legacy="force_upstream_stream",
        legacy_value="always",
    )
    dialects: tuple[AskedDialect, ...] = setting(
        _DIALECTS,
        "The dialects that providers are asked in: `auto` (the client's own, and chat where the "
        "provider does not have it), or a list of chat, completions, responses, messages and "
        "ollama (its own API). A provider of the file may say otherwise.",
        default=("auto",),
        flag="--dialect",
        flag_value="DIALECT",
        flag_doc="A list may be separated by commas. The flag holds for every provider.",
    )
    keepalive: float = setting(
        _KEEPALIVE,
        "Seconds without a byte to the client after which a stream sends a keepalive comment.",
        default=15.0,
    )
    nonstream_keepalive: float = setting(
        _KEEPALIVE,
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
        _REASONING_KEY,
        "The name under which chat clients get reasoning.",
        default="reasoning_content",
    )
    extra_fields: ExtraFields = setting(
        _EXTRA_FIELDS,
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
