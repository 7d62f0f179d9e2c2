"""What kind a server is, by what it says of itself.

Contract: pure. Each function looks at one piece of evidence and returns a ``Found``, or None where
that proves nothing. A wrong guess costs a request at most, since what a kind is asked for is
learned anew from refusals (``amendments``, ``dialects``); where a key goes depends on the host
alone, which no reply can lie about. docs/kinds.md tells what each kind changes.
Sources: quirks 84 to 95; the servers' own code and replies, as named beside each sign.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import urlsplit

FoundKind = Literal[
    "llama.cpp", "mlx-lm", "vllm", "sglang", "transformers", "ollama", "lm-studio", "swiftlm",
    "openai", "anthropic", "openrouter", "azure",
]  # fmt: skip
Headers = Iterable[tuple[bytes, bytes]]

# A refusal that names a server's fields is short.
MAX_REFUSAL_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Found:
    """``sign`` says in a few words what gave it away, for the log."""

    kind: FoundKind
    sign: str


_HOSTS: Mapping[str, FoundKind] = MappingProxyType(
    {"api.openai.com": "openai", "api.anthropic.com": "anthropic", "openrouter.ai": "openrouter"}
)
# Every resource has a name of its own in front. Other domains of Azure serve other APIs too.
_AZURE_DOMAIN = ".openai.azure.com"

# ``server: llama.cpp`` is on each of its replies (quirk 87).
_SERVERS: Mapping[bytes, FoundKind] = MappingProxyType({b"llama.cpp": "llama.cpp"})
# What a server calls itself in the place of a model's owner. Ollama tells the namespace of a model,
# which is "library" for those that it has of its own.
_OWNERS: Mapping[str, FoundKind] = MappingProxyType(
    {
        "llamacpp": "llama.cpp",
        "vllm": "vllm",
        "sglang": "sglang",
        "library": "ollama",
        "organization_owner": "lm-studio",
    }
)
# Python's own web server, which hardly anyone but mlx-lm builds on (quirk 88).
_PYTHONS_SERVER = re.compile(rb"BaseHTTP/[\d.]+ Python/")
# SwiftLM lets web pages send its header (CORSMiddleware).
_SWIFTLM_HEADER = b"x-swiftlm-prefill-progress"
# The words of transformers serve for fields that it does not know (quirk 89).
_TRANSFORMERS_WORDS = re.compile(r"Unexpected fields in the request: \{")


def kind_of_url(base_url: str) -> Found | None:
    """By the host's name, for services that have one of their own."""
    host = urlsplit(base_url).hostname or ""
    kind = "azure" if host.endswith(_AZURE_DOMAIN) else _HOSTS.get(host)
    return Found(kind, f"host {host}") if kind is not None else None


def kind_of_headers(headers: Headers) -> Found | None:
    """By any reply's head; names are in lower case."""
    for name, value in headers:
        if name == b"server" and value in _SERVERS:
            return Found(_SERVERS[value], "server header")
        if name == b"access-control-allow-headers" and _SWIFTLM_HEADER in value.lower():
            return Found("swiftlm", "CORS headers")
    return None


def kind_of_models(headers: Headers, body: bytes) -> Found | None:
    """By the reply to ``GET /v1/models``."""
    headers = tuple(headers)
    by_headers = kind_of_headers(headers)
    if by_headers is not None:
        return by_headers
    entries = _entries(_json(body))
    owners = [entry["owned_by"] for entry in entries if isinstance(entry.get("owned_by"), str)]
    for owner in owners:
        if owner in _OWNERS:
            return Found(_OWNERS[owner], f"owned_by {owner}")
    is_pythons = any(name == b"server" and _PYTHONS_SERVER.match(value) for name, value in headers)
    # It lists models without an owner, or says nothing at all where none is in its cache.
    if is_pythons and not owners and (entries or not body.strip()):
        return Found("mlx-lm", "Python's own server and a list without owners")
    return None


def kind_of_props(body: bytes) -> Found | None:
    """By the reply to ``GET /props``, which llama.cpp has. Others that have it tell less."""
    value = _json(body)
    if not isinstance(value, dict) or type(value.get("total_slots")) is not int:
        return None
    defaults = value.get("default_generation_settings")
    if isinstance(defaults, dict) and isinstance(defaults.get("params"), dict):
        return Found("llama.cpp", "its /props")
    return None


def kind_of_refusal(status: int, body: bytes) -> Found | None:
    """By the words in which a field is refused."""
    if status != 422 or len(body) > MAX_REFUSAL_BYTES:
        return None
    value = _json(body)
    detail = value.get("detail") if isinstance(value, dict) else None
    if isinstance(detail, str) and _TRANSFORMERS_WORDS.match(detail):
        return Found("transformers", "the words of its refusal")
    return None


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _entries(value: Any) -> list[dict[str, Any]]:
    data = value.get("data") if isinstance(value, dict) else None
    return [one for one in data if isinstance(one, dict)] if isinstance(data, list) else []
