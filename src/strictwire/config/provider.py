"""A provider: one server to send requests to, and what may be said of it.

Contract: as that of ``config.settings``, of which a provider is a part: frozen data, and the table
that describes each setting. What is inherited from the top level is filled in when it is loaded.
"""

# ruff: noqa: RUF009 - setting() declares a field, its default is immutable

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from strictwire.config.addresses import normal_base_url, normal_proxy_url
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
from strictwire.model.request import ExtraFields, ReasoningKey, UpstreamDialect

AskedDialect = UpstreamDialect | Literal["auto"]

# Each place of the engine has the memory of a whole context.
_MAX_PARALLEL = 256
# The longest that models are trained for today, ten times over.
_MAX_CONTEXT = 10_000_000
# Each costs a connection and its request's body; whoever waits behind thousands has gone long ago.
_MAX_QUEUE = 10_000

# What stands at the top level too: there for all providers, or for the gateway itself.
API_KEY = Text("an API key", normal_key, r"^[\x21-\x7e]+$")
STREAM = Choice(("auto", "always", "never"))
DIALECTS = Items(
    Choice(("auto", "chat", "completions", "responses", "messages", "ollama")),
    is_single_allowed=True,
)
KEEPALIVE = Seconds(zero="turns it off")
REASONING_KEY = Choice(("reasoning_content", "reasoning", "both"))
EXTRA_FIELDS = Choice(("keep", "drop"))

_BASE_URL = Text("a URL", normal_base_url, r"^https?://[^\s/?#@]+(?:/[^\s?#]*)?$")
_PROXY = Text("a URL", normal_proxy_url, r"^https?://[^\s/?#]+/?$")
_MODEL_NAME = Text("a model name", normal_model_name, r"^\S(?:.*\S)?$")


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
        Items(API_KEY),
        "Keys for the provider; several are used in turn.",
        default=(),
        not_kind="engine",
    )
    stream: StreamMode = setting(
        STREAM,
        "Whether the provider is asked for a stream: `auto` (as the client asked), `always` or "
        "`never`. The client gets what it asked for in any case.",
        default="auto",
        is_inherited=True,
        legacy="force_upstream_stream",
        legacy_value="always",
    )
    dialects: tuple[AskedDialect, ...] = setting(
        DIALECTS,
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
        KEEPALIVE,
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
        REASONING_KEY,
        "The name under which chat clients get reasoning.",
        default="reasoning_content",
        is_inherited=True,
    )
    extra_fields: ExtraFields = setting(
        EXTRA_FIELDS,
        "Whether fields that OpenAI does not know reach the client: `keep` or `drop`.",
        default="keep",
        is_inherited=True,
    )
    models: tuple[Model, ...] = setting(
        Items(NamedRecord(Record(Model), _MODEL_NAME)),
        "The models that this provider serves. A provider without a list takes every model that "
        "no other one claims; an engine beside others only its own.",
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
