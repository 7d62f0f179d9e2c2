"""``GET /v1/models`` and ``/v1/models/{id}``: what can be asked for here, in OpenAI's shape.

Listed models come from the settings, all others from the providers' own lists. A provider that
does not answer, or answers nonsense (mlx-lm: 200 with an empty body), takes no model away from
the others; only where nobody answered is it an error.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from strictwire.config import Provider
from strictwire.model.errors import CallerError, PeerError, WireError
from strictwire.model.protocols import UpstreamRequest
from strictwire.net.call import Call
from strictwire.net.error_replies import upstream_refusal
from strictwire.net.service import Service
from strictwire.net.upstream import fetch
from strictwire.net.upstream_headers import upstream_headers, upstream_key, upstream_secrets
from strictwire.relay.parsing import parse_json
from strictwire.routing import known_models

# A model list is an answer that a person waits for.
TIMEOUT_S = 10.0
MAX_LIST_BYTES = 8 * 1024 * 1024

Model = dict[str, Any]


async def list_models(service: Service, call: Call) -> None:
    models = await _all_models(service, call)
    body = msgspec.json.encode({"object": "list", "data": models})
    call.respond(200, [(b"content-type", b"application/json")], body)


async def get_model(service: Service, call: Call) -> None:
    name = call.path.removeprefix("/models/")
    for model in await _all_models(service, call):
        if model["id"] == name:
            body = msgspec.json.encode(model)
            call.respond(200, [(b"content-type", b"application/json")], body)
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
        known = known_models(service.settings)
        return [
            _shaped({"id": k.name}, provider, now) for k in known if k.provider == provider.name
        ]
    key = upstream_key(service, call, provider.api_keys[0] if provider.api_keys else None)
    request = UpstreamRequest(
        "GET",
        provider.base_url + "/models",
        upstream_headers(call, provider, key, asks_stream=False),
    )
    upstream = service.upstream_of(provider.name)
    fetched = await fetch(upstream, request, timeout_s=TIMEOUT_S, max_bytes=MAX_LIST_BYTES)
    if fetched.status != 200:
        secrets = upstream_secrets(provider, key)
        raise upstream_refusal(fetched.status, fetched.headers, fetched.body, secrets)
    return [_shaped(model, provider, now) for model in _entries(fetched.body)]


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
    own = {
        "id": _id_of(entry),
        "object": "model",
        "created": created if type(created) is int else now,
        "owned_by": owner if isinstance(owner, str) and owner else provider.name,
    }
    return own | {name: entry[name] for name in entry if name not in own}
