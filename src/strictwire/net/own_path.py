"""A question to a path of a provider's own that stands beside its answers: a count, a compaction.

Contract: ``ask`` sends the client's request as it is to that path and returns the whole reply, or
None where the provider has no such path, which is remembered for all its models: the dialect itself
may be there all the same. Any other refusal is raised: a model that is not there is nowhere. What
an answer means is the caller's; one that is none is told with ``learn_missing``.
"""

from __future__ import annotations

from dataclasses import dataclass

from strictwire.config import Provider
from strictwire.dialects.model_request import ModelRequest, UpstreamAsk
from strictwire.model.protocols import UpstreamRequest
from strictwire.model.request import Dialect
from strictwire.net import passing_headers
from strictwire.net.call import Call
from strictwire.net.error_replies import upstream_refusal, word_for
from strictwire.net.service import Service
from strictwire.net.upstream import fetch
from strictwire.net.upstream.fetching import Fetched
from strictwire.net.upstream_headers import (
    in_dialect,
    upstream_headers,
    upstream_key,
    upstream_secrets,
)
from strictwire.routing import Route, dialects_listed, lacks_endpoint, upstream_dialect

# As it is remembered: whatever model is asked for.
_ANY_MODEL = ""


@dataclass(frozen=True, slots=True)
class OwnPath:
    """``name`` is how it is remembered that a provider lacks it."""

    name: str
    path: str
    dialect: Dialect


@dataclass(frozen=True, slots=True)
class Question:
    """One request for a path, and how long and how large its answer may be."""

    path: OwnPath
    request: ModelRequest
    timeout_s: float
    max_bytes: int


def speaks(service: Service, provider: Provider, dialect: Dialect) -> bool:
    """Whether a client of this dialect is asked in it, as far as is known by now. Raises
    CallerError 404 where the provider's list holds nothing that could stand in."""
    missing = service.refusals.missing(provider.name)
    by_kind = service.kind_of(provider).dialects
    listed = dialects_listed(provider.listed_dialects, by_kind, missing)
    return upstream_dialect(dialect, listed, missing) == dialect


def lacks(service: Service, provider: Provider, path: OwnPath) -> bool:
    return path.name in service.refusals.fields(provider.name, _ANY_MODEL, path.dialect)


def learn_missing(service: Service, provider: Provider, path: OwnPath) -> None:
    service.learn_refusal(provider.name, _ANY_MODEL, frozenset((path.name,)), path.dialect)


async def ask(
    service: Service, call: Call, route: Route[Provider], question: Question
) -> Fetched | None:
    """A reply with status 200. Raises PeerError for any other refusal than of the path."""
    provider, path = route.provider, question.path
    key = upstream_key(service, call, route.key)
    headers = in_dialect(
        upstream_headers(call, provider, service.kind_of(provider), key, asks_stream=False),
        path.dialect,
        told=passing_headers.to_upstream(call.headers, path.dialect),
    )
    request = question.request
    body = request.upstream_body(UpstreamAsk(route.upstream_model, is_stream=request.is_stream))
    fetched = await fetch(
        service.upstream_of(provider.name),
        UpstreamRequest("POST", provider.base_url + path.path, headers, body),
        timeout_s=question.timeout_s,
        max_bytes=question.max_bytes,
    )
    if fetched.status == 200:
        return fetched
    if lacks_endpoint(fetched.status, fetched.body, route.upstream_model):
        learn_missing(service, provider, path)
        return None
    secrets = upstream_secrets(provider, key)
    refusal = upstream_refusal(fetched.status, fetched.headers, fetched.body, secrets)
    word_for(refusal, path.dialect)
    raise refusal
