"""``GET /v1/models`` and ``/v1/models/{id}``: what can be asked for here, in OpenAI's shape, or in
Anthropic's for a client that sends an ``anthropic-version``.

Listed models come from the settings, all others from the providers' own lists. A provider that
does not answer, or answers nonsense (mlx-lm: 200 with an empty body), takes no model away from
the others; only where nobody answered is it an error. What servers tell of their models stays, and
how long a request may be and what the model can do is told under one name
(``routing.model_facts``).
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import msgspec

from strictwire.config import Provider, ServerKind
from strictwire.model.errors import CallerError, PeerError, WireError
from strictwire.model.protocols import UpstreamRequest
from strictwire.net.access import header
from strictwire.net.call import Call
from strictwire.net.error_replies import upstream_refusal
from strictwire.net.service import Service
from strictwire.net.upstream import fetch
from strictwire.net.upstream.fetching import Fetched
from strictwire.net.upstream_headers import (
    in_dialect,
    upstream_headers,
    upstream_key,
    upstream_secrets,
)
from strictwire.relay.parsing import parse_json
from strictwire.routing import kind_of_headers, known_models
from strictwire.routing.model_facts import (
    NOTHING_TOLD,
    KnowsItsModel,
    ModelFacts,
    facts_of_engine,
    facts_of_entry,
    facts_of_props,
)

# A model list is an answer that a person waits for.
TIMEOUT_S = 10.0
MAX_LIST_BYTES = 8 * 1024 * 1024

Model = dict[str, Any]
_JSON = [(b"content-type", b"application/json")]


def is_anthropic(call: Call) -> bool:
    """Whether the client is one of Anthropic's API; its SDKs always send this header."""
    return header(call.headers, b"anthropic-version") is not None


async def list_models(service: Service, call: Call) -> None:
    models = await _all_models(service, call)
    if not is_anthropic(call):
        told: dict[str, Any] = {"object": "list", "data": models}
    else:
        data = [_for_anthropic(model) for model in models]
        first, last = (data[0]["id"], data[-1]["id"]) if data else (None, None)
        # All of them at once, so that there is never more.
        told = {"data": data, "has_more": False, "first_id": first, "last_id": last}
    call.respond(200, _JSON, msgspec.json.encode(told))


async def get_model(service: Service, call: Call) -> None:
    name = call.path.removeprefix("/models/")
    for model in await _all_models(service, call):
        if model["id"] == name:
            told = _for_anthropic(model) if is_anthropic(call) else model
            call.respond(200, _JSON, msgspec.json.encode(told))
            return
    raise CallerError(
        "This model is not served here. GET /v1/models lists those that are.",
        status=404,
        param="model",
        code="model_not_found",
    )


async def _all_models(service: Service, call: Call) -> list[Model]:
    providers = service.settings.providers
    answers = await asyncio.gather(
        *(_models_of(service, call, provider) for provider in providers), return_exceptions=True
    )
    models: dict[str, Model] = {}
    problems: list[WireError] = []
    for answer in answers:
        if isinstance(answer, WireError):
            problems.append(answer)
        elif isinstance(answer, BaseException):
            raise answer
        else:
            for model in answer:
                models.setdefault(model["id"], model)
    if problems and len(problems) == len(providers):
        raise problems[0]
    return list(models.values())


async def _models_of(service: Service, call: Call, provider: Provider) -> list[Model]:
    now = int(service.wall_clock())
    if provider.models:
        facts = _known_facts(service, provider)
        known = known_models(service.settings)
        return [
            facts.added_to(_shaped({"id": k.name}, provider, now))
            for k in known
            if k.provider == provider.name
        ]
    fetched, facts = await asyncio.gather(
        _fetch_list(service, call, provider), _facts(service, call, provider)
    )
    entries = _entries(fetched.body)
    shaped = [_shaped(entry, provider, now) for entry in entries]
    if len(shaped) == 1:
        shaped = [facts.added_to(model) for model in shaped]
    return [facts_of_entry(model).added_to(model) for model in shaped]


async def _fetch_list(service: Service, call: Call, provider: Provider) -> Fetched:
    fetched, secrets = await _get(service, call, provider, provider.base_url + "/models")
    if fetched.status != 200:
        raise upstream_refusal(fetched.status, fetched.headers, fetched.body, secrets)
    return fetched


async def _get(
    service: Service, call: Call, provider: Provider, url: str
) -> tuple[Fetched, tuple[str, ...]]:
    """A page of the provider's, and the secrets that were sent for it."""
    key = upstream_key(service, call, provider.api_keys[0] if provider.api_keys else None)
    headers = _headers(call, provider, service.kind_of(provider), key)
    request = UpstreamRequest("GET", url, headers)
    upstream = service.upstream_of(provider.name)
    fetched = await fetch(upstream, request, timeout_s=TIMEOUT_S, max_bytes=MAX_LIST_BYTES)
    service.notice(provider, kind_of_headers(fetched.headers))
    return fetched, upstream_secrets(provider, key)


def _known_facts(service: Service, provider: Provider) -> ModelFacts:
    """What an engine knows of its model."""
    upstream = service.upstream_of(provider.name)
    told = upstream.facts if isinstance(upstream, KnowsItsModel) else None
    return facts_of_engine(told) if told is not None else NOTHING_TOLD


async def _facts(service: Service, call: Call, provider: Provider) -> ModelFacts:
    """What is told of a server's one model beside the list; never an error."""
    if not service.kind_of(provider).tells_props:
        return _known_facts(service, provider)
    try:
        fetched, _ = await _get(service, call, provider, provider.root_url + "/props")
        return facts_of_props(parse_json(fetched.body) if fetched.status == 200 else None)
    except (WireError, ValueError):
        return NOTHING_TOLD


def _headers(
    call: Call, provider: Provider, kind: ServerKind, key: str | None
) -> tuple[tuple[bytes, bytes], ...]:
    """Anthropic's API lists its models for a request of its own kind only."""
    headers = upstream_headers(call, provider, kind, key, asks_stream=False)
    listed = provider.listed_dialects or kind.dialects
    if listed[:1] == ("messages",) or (is_anthropic(call) and not listed):
        return in_dialect(headers, "messages", told=[])
    return headers


def _entries(body: bytes) -> list[Model]:
    """The list's entries: OpenAI's ``data``, or ``models`` as some servers call it."""
    try:
        value = parse_json(body)
    except ValueError:
        value = None
    if isinstance(value, dict):
        value = value.get("data") or value.get("models") or []
    if not isinstance(value, list):
        raise PeerError("The upstream's model list is not JSON.", code="upstream_malformed")
    named = [{"id": one} if isinstance(one, str) else one for one in value]
    return [one for one in named if isinstance(one, dict) and _id_of(one)]


def _id_of(entry: Model) -> str:
    name = entry.get("id") or entry.get("name") or entry.get("model")
    return name if isinstance(name, str) else ""


def _shaped(entry: Model, provider: Provider, now: int) -> Model:
    """OpenAI's four fields first; what else the server tells of the model goes along."""
    created, owner = entry.get("created"), entry.get("owned_by")
    if type(created) is not int:
        created = _seconds(entry.get("created_at"))
    own = {
        "id": _id_of(entry),
        "object": "model",
        "created": now if created is None else created,
        "owned_by": owner if isinstance(owner, str) and owner else provider.name,
    }
    return own | {name: entry[name] for name in entry if name not in own}


def _seconds(moment: Any) -> int | None:
    """The epoch's seconds of a date as Anthropic writes it (RFC 3339)."""
    try:
        return int(datetime.fromisoformat(moment).timestamp())
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _for_anthropic(model: Model) -> Model:
    """The same entry in Anthropic's shape. What it wants to know beyond the fields of every model
    list is told as its schema names it, and as little as is known."""
    name = model.get("display_name")
    context = model.get("max_input_tokens") or model.get("context_length")
    try:
        created = datetime.fromtimestamp(model["created"], UTC)
    except (ValueError, OverflowError, OSError):
        created = datetime.fromtimestamp(0, UTC)  # as the reference has it for an unknown date
    return {
        "type": "model",
        "id": model["id"],
        "display_name": name if isinstance(name, str) and name else model["id"],
        "created_at": created.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "lifecycle": "active",
        "max_input_tokens": _whole(context),
        "max_tokens": _whole(model.get("max_tokens")),
    }


def _whole(number: Any) -> int | None:
    return number if type(number) is int else None
