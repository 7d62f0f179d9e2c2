"""The kinds of model servers: what is known of each before it was asked. One row, one kind.

Contract: pure data. A provider's own settings outrank its kind's row, and what was learned of the
server itself outranks both. ``auto`` is a server of which nothing is known: what it is, the gateway
finds out (``strictwire.routing.kinds``). The facts are those of docs/quirks.md, by number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

from strictwire.model.request import UpstreamDialect

StreamMode = Literal["auto", "always", "never"]
KindName = Literal[
    "auto", "other", "engine", "llama.cpp", "mlx-lm", "vllm", "sglang", "transformers", "ollama",
    "lm-studio", "localai", "swiftlm", "openai", "anthropic", "openrouter", "azure",
]  # fmt: skip
KIND_NAMES: tuple[KindName, ...] = get_args(KindName)
KeyHeader = Literal["authorization", "x-api-key", "api-key"]

# Where requests for an engine go. No name server is asked: its upstream connects to a unix socket,
# whatever the origin.
ENGINE_URL = "http://engine/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerKind:
    """``title`` is its name for people. ``base_url`` is where it listens unless told otherwise,
    empty where every installation has its own. ``dialects`` and ``stream`` are what the settings'
    ``auto`` means for it; no dialects: they are found out. ``asks_progress``: each streamed request
    asks for prefill progress, whether its client does or not. ``unsent`` names fields that it is
    known to refuse, ``modes`` the modes of rules that its replies need. ``key_header`` is where it
    looks for its key, and ``token_prefixes`` is how the keys begin that are tokens, which go as
    bearer all the same. ``pads_streams``: it does so unless asked not to (``include_obfuscation``).
    ``counts_tokens``: it has the path of Messages for that, though it is asked in another dialect.
    ``streams_tokens``: a piece of its streams is a token, as far as a token is text that can be
    told. ``tells_props``: ``/props`` beside its API tells of its one model. ``quirks`` are numbers
    of docs/quirks.md; ``note`` says in a sentence what its users should know."""

    name: KindName
    title: str
    base_url: str = ""
    dialects: tuple[UpstreamDialect, ...] = ()
    stream: StreamMode = "auto"
    asks_progress: bool = False
    unsent: tuple[str, ...] = ()
    modes: tuple[tuple[str, str], ...] = ()
    key_header: KeyHeader = "authorization"
    token_prefixes: tuple[str, ...] = ()
    pads_streams: bool = False
    counts_tokens: bool = False
    streams_tokens: bool = False
    tells_props: bool = False
    quirks: tuple[int, ...] = ()
    note: str = ""

    def takes_as_token(self, key: str) -> bool:
        """Whether a key goes as bearer here."""
        return self.key_header == "authorization" or key.startswith(self.token_prefixes)


# llama.cpp's own Responses and Messages tell no prefill progress, so that clients of these are
# asked for over chat. It notices a lost client only when it writes: it must have something to write
# while it reads a prompt, also for a client that wants one object.
_ROWS: tuple[ServerKind, ...] = (
    ServerKind(
        name="auto",
        title="Found out",
        note="The gateway looks at what the server says of itself, and learns from its refusals.",
    ),
    ServerKind(
        name="other",
        title="Another server",
        note="None of these, or many behind one address: nothing is guessed. What it refuses is "
        "learned all the same.",
    ),
    ServerKind(
        name="engine",
        title="The embedded engine",
        base_url=ENGINE_URL,
        dialects=("chat", "completions"),
        stream="always",
        asks_progress=True,
        counts_tokens=True,
        streams_tokens=True,
        quirks=(20, 36, 84, 87),
        note="llama.cpp in a process of the gateway's own.",
    ),
    ServerKind(
        name="llama.cpp",
        title="llama.cpp server",
        base_url="http://127.0.0.1:8080/v1",
        dialects=("chat", "completions"),
        stream="always",
        asks_progress=True,
        counts_tokens=True,
        streams_tokens=True,
        tells_props=True,
        quirks=(6, 20, 35, 36, 40, 52, 64, 84, 87),
        note="It listens on 8080 like the gateway: one of them needs another port.",
    ),
    ServerKind(
        name="mlx-lm",
        title="mlx-lm",
        base_url="http://127.0.0.1:8080/v1",
        dialects=("chat", "completions"),
        quirks=(88,),
        note="Its comments are prefill progress. It is never sent empty `stream_options`; it "
        "ignores `n` and `response_format`.",
    ),
    ServerKind(
        name="vllm",
        title="vLLM",
        base_url="http://127.0.0.1:8000/v1",
        quirks=(32, 57, 58, 59, 60, 65, 72, 74, 75, 84, 90),
        note="Which dialects it has depends on its version.",
    ),
    ServerKind(
        name="sglang",
        title="SGLang",
        base_url="http://127.0.0.1:30000/v1",
        quirks=(24, 26, 35, 65),
        note="Which dialects it has depends on its version.",
    ),
    ServerKind(
        name="transformers",
        title="transformers serve",
        base_url="http://127.0.0.1:8000/v1",
        dialects=("chat", "completions", "responses"),
        # As recorded of version 5.23; other fields that it does not know are learned.
        unsent=("return_progress", "top_k", "min_p"),
        # Of models that it has no parser for it leaves calls in the text.
        modes=(("chat.leaked-call", "on"),),
        quirks=(89,),
        note="It refuses what it does not know, answers wrong values with 500, and ignores `n`, "
        "`logprobs` and `response_format`.",
    ),
    ServerKind(
        name="ollama",
        title="Ollama",
        base_url="http://127.0.0.1:11434/v1",
        quirks=(26, 30, 46, 48, 50, 55, 58, 86),
        note="It is asked by its OpenAI paths; `dialects: [ollama]` asks its own API.",
    ),
    ServerKind(
        name="lm-studio",
        title="LM Studio",
        base_url="http://127.0.0.1:1234/v1",
        quirks=(49, 50, 51, 59, 69),
        note="It answers 200 on paths that it does not have: an old one wants `dialects: [chat]`.",
    ),
    ServerKind(
        name="localai",
        title="LocalAI",
        base_url="http://127.0.0.1:8080/v1",
        quirks=(94,),
        note="Nothing in its replies names it, so that it is not found out.",
    ),
    ServerKind(
        name="swiftlm",
        title="SwiftLM",
        dialects=("chat", "completions"),
        asks_progress=True,
        quirks=(95,),
        note="It takes `kv_bits` with each request.",
    ),
    ServerKind(
        name="openai",
        title="OpenAI",
        base_url="https://api.openai.com/v1",
        dialects=("chat", "completions", "responses"),
        pads_streams=True,
        quirks=(30,),
        note="Clients of Messages are asked for over chat.",
    ),
    ServerKind(
        name="anthropic",
        title="Anthropic",
        base_url="https://api.anthropic.com/v1",
        dialects=("messages",),
        key_header="x-api-key",
        token_prefixes=("sk-ant-oat",),
        note="Every client is asked for over Messages; tokens that begin with `sk-ant-oat` go as "
        "bearer.",
    ),
    ServerKind(
        name="openrouter",
        title="OpenRouter",
        base_url="https://openrouter.ai/api/v1",
        quirks=(4, 7, 29, 30, 58, 66),
        note="Which dialects it has is found out.",
    ),
    ServerKind(
        name="azure",
        title="Azure OpenAI",
        dialects=("chat", "completions", "responses"),
        key_header="api-key",
        # A JSON object in base64, as tokens of Entra ID begin (RFC 7519, 3.1).
        token_prefixes=("eyJ",),
        quirks=(2, 16, 37, 39),
        note="Its v1 API, which wants no `api-version`: `https://NAME.openai.azure.com/openai/v1`.",
    ),
)
SERVER_KINDS: Mapping[KindName, ServerKind] = MappingProxyType({row.name: row for row in _ROWS})
