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
    "auto", "engine", "llama.cpp", "mlx-lm", "vllm", "sglang", "transformers", "ollama",
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
    known to refuse. ``key_header`` is where it looks for its key. ``pads_streams``: it does so
    unless asked not to (``include_obfuscation``). ``quirks`` are numbers of
    docs/quirks.md; ``note`` says in a sentence what its users should know."""

    name: KindName
    title: str
    base_url: str = ""
    dialects: tuple[UpstreamDialect, ...] = ()
    stream: StreamMode = "auto"
    asks_progress: bool = False
    unsent: tuple[str, ...] = ()
    key_header: KeyHeader = "authorization"
    pads_streams: bool = False
    quirks: tuple[int, ...] = ()
    note: str = ""


_ROWS: tuple[ServerKind, ...] = (
    ServerKind(name="auto", title="Found out", note="The gateway looks, and learns."),
    ServerKind(
        name="engine",
        title="The embedded engine",
        base_url=ENGINE_URL,
        dialects=("chat", "completions"),
        # It notices a lost client only when it writes, so it must have something to write.
        stream="always",
        asks_progress=True,
        quirks=(84, 87),
        note="llama.cpp in a child process of the gateway.",
    ),
    ServerKind(
        name="llama.cpp",
        title="llama.cpp server",
        base_url="http://127.0.0.1:8080/v1",
        dialects=("chat", "completions"),
        stream="always",
        asks_progress=True,
        quirks=(84, 87),
    ),
    ServerKind(name="mlx-lm", title="mlx-lm", base_url="http://127.0.0.1:8080/v1", quirks=(88,)),
    ServerKind(name="vllm", title="vLLM", base_url="http://127.0.0.1:8000/v1", quirks=(90,)),
    ServerKind(name="sglang", title="SGLang", base_url="http://127.0.0.1:30000/v1", quirks=(26,)),
    ServerKind(
        name="transformers",
        title="transformers serve",
        base_url="http://127.0.0.1:8000/v1",
        quirks=(89,),
    ),
    ServerKind(
        name="ollama", title="Ollama", base_url="http://127.0.0.1:11434/v1", quirks=(46, 86)
    ),
    ServerKind(name="lm-studio", title="LM Studio", base_url="http://127.0.0.1:1234/v1"),
    ServerKind(name="localai", title="LocalAI", base_url="http://127.0.0.1:8080/v1", quirks=(94,)),
    ServerKind(name="swiftlm", title="SwiftLM", base_url="http://127.0.0.1:5413/v1", quirks=(95,)),
    ServerKind(
        name="openai", title="OpenAI", base_url="https://api.openai.com/v1", pads_streams=True
    ),
    ServerKind(
        name="anthropic",
        title="Anthropic",
        base_url="https://api.anthropic.com/v1",
        dialects=("messages",),
        key_header="x-api-key",
    ),
    ServerKind(name="openrouter", title="OpenRouter", base_url="https://openrouter.ai/api/v1"),
    ServerKind(name="azure", title="Azure OpenAI", key_header="api-key", quirks=(37, 39)),
)
SERVER_KINDS: Mapping[KindName, ServerKind] = MappingProxyType({row.name: row for row in _ROWS})
