"""Where a request of the pass-through goes: a provider, its URL, and maybe another model name.

In this order: the header ``X-Strictwire-Provider``; the model that the first bytes of the body
name, routed as a chat request's; the only provider, or the first without a list of models. An
engine has none of these paths.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

from strictwire.config import Provider
from strictwire.dialects.json_body import parse_object
from strictwire.dialects.named_model import find_model
from strictwire.model.errors import CallerError
from strictwire.net import access
from strictwire.net.call import Call
from strictwire.net.service import Service
from strictwire.net.upstream_headers import upstream_key

HEADER = "X-Strictwire-Provider"
# What may stand in a path as it is (RFC 3986, 3.3).
_PATH_SAFE = "/:@!$&'()*+,;=~-._"
_SLASHES = re.compile(r"[/\\]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Destination:
    """``head`` are the body's first bytes, with the model's name as the provider knows it."""

    provider: Provider
    url: str
    key: str | None
    head: bytes


@dataclass(frozen=True, slots=True)
class _Offered:
    providers: tuple[Provider, ...]


def destination_of(service: Service, call: Call, head: bytes, *, is_whole: bool) -> Destination:
    """Decide. ``is_whole``: nothing comes after ``head``. Raises CallerError."""
    content_type = access.header(call.headers, b"content-type") or ""
    if is_whole and head and content_type.partition(";")[0].strip().lower() == "application/json":
        parse_object(head)
    offered = _Offered(_offered(service, call))
    if all(provider.is_engine for provider in offered.providers):
        raise _not_an_engines(call)
    named = find_model(content_type, head)
    if named is not None:
        route = service.route(named.name, offered)
        provider, own_key = route.provider, route.key
        if provider.is_engine:
            raise _not_an_engines(call)
        if route.is_alias:
            head = named.renamed(head, route.upstream_model)
    else:
        provider = _without_model(offered.providers)
        keys = provider.api_keys
        own_key = keys[service.next_turn() % len(keys)] if keys else None
    key = upstream_key(service, call, own_key)
    return Destination(provider, _url(provider, call), key, head)


def _offered(service: Service, call: Call) -> tuple[Provider, ...]:
    providers = service.settings.providers
    name = access.header(call.headers, HEADER.lower().encode())
    if name is None:
        return providers
    chosen = tuple(one for one in providers if one.name == name.strip())
    if not chosen:
        raise CallerError(
            f"The header {HEADER} names no provider of this gateway.",
            status=404,
            param=HEADER,
            code="provider_not_found",
        )
    return chosen


def _without_model(providers: tuple[Provider, ...]) -> Provider:
    apart = [provider for provider in providers if not provider.is_engine]
    if len(apart) == 1:
        return apart[0]
    for provider in apart:
        if not provider.models:
            return provider
    raise CallerError(
        "The request names no model in its first bytes, so it is not known which provider is "
        f"meant. Name one with the header {HEADER}, or put the model first.",
        param=HEADER,
        code="provider_unclear",
    )


def _not_an_engines(call: Call) -> CallerError:
    """In words of ours: llama.cpp's speak of files and of flags that nobody has here."""
    top = call.path.strip("/").partition("/")[0]
    return CallerError(
        f"The embedded engine has no /{top}: it writes text, or vectors. A server that has it can "
        "be one more provider (setting: providers).",
        status=404,
        code="unknown_path",
    )


def _url(provider: Provider, call: Call) -> str:
    """The same path at the provider, as it came: an encoded slash is part of a name.

    One that climbs would leave the API that the key is for, and some servers take a backslash for
    a slash.
    """
    if any(part in (".", "..") for part in _SLASHES.split(call.path)):
        raise CallerError("A path must not hold '.' or '..'.", status=404, code="unknown_path")
    if _CONTROL.search(call.path):
        raise CallerError(
            "A path must not hold control characters.", status=404, code="unknown_path"
        )
    url = provider.base_url + quote(call.raw_path, safe=_PATH_SAFE + "%")
    if call.query:
        url += "?" + quote(call.query, safe=_PATH_SAFE + "/?%")
    return url
