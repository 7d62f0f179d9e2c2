"""Which provider answers a model name, under which name, with which key.

Contract: pure. ``choose`` and ``known_models`` read the settings and decide nothing else: no state,
no network, no clock. The settings come as protocols, since rooms of one column do not import each
other; ``strictwire.config`` fulfils them.

A name is looked for in this order, and the first that fits wins: a model or alias that a provider
lists (in the file's order); the model that an engine without a list has; the only provider, if it
has no list; ``provider/model``; the first provider without a list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from strictwire.model.errors import CallerError

# A name in an error message is cut here: it is the client's text, and may be as long as a body.
MAX_SHOWN_NAME = 120


class Key(Protocol):
    def reveal(self) -> str: ...


class ListedModel(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def aliases(self) -> Sequence[str]: ...


class Candidate(Protocol):
    """What routing knows of a provider. No models: it takes any. ``own_model`` is the one that it
    is known to have all the same, empty where that is for the server to say; beside other providers
    it takes no other."""

    @property
    def name(self) -> str: ...

    @property
    def models(self) -> Sequence[ListedModel]: ...

    @property
    def own_model(self) -> str: ...

    @property
    def api_keys(self) -> Sequence[Key]: ...


P = TypeVar("P", bound=Candidate)
P_co = TypeVar("P_co", bound=Candidate, covariant=True)


class Offer(Protocol[P_co]):
    """What routing knows of the settings."""

    @property
    def providers(self) -> Sequence[P_co]: ...


@dataclass(frozen=True, slots=True)
class Route(Generic[P]):
    """Where one request goes. ``shown_model`` is what the client asked for; it is shown in the
    reply whatever the upstream says if ``is_alias``: then the two names differ."""

    provider: P
    upstream_model: str
    shown_model: str
    is_alias: bool
    key: Key | None


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model name that the settings list, for ``GET /v1/models``."""

    name: str
    provider: str


def choose(settings: Offer[P], model: str, *, turn: int = 0) -> Route[P]:
    """The route of a request for ``model``. ``turn`` counts requests: keys are used in turn.

    ``CallerError`` 404 ``model_not_found`` where no provider takes the name.
    """
    found = _listed(settings.providers, model) or _unlisted(settings.providers, model)
    if found is None:
        raise _not_found(model)
    provider, upstream_model = found
    keys = provider.api_keys
    return Route(
        provider=provider,
        upstream_model=upstream_model,
        shown_model=model,
        is_alias=upstream_model != model,
        key=keys[turn % len(keys)] if keys else None,
    )


def known_models(settings: Offer[Candidate]) -> tuple[KnownModel, ...]:
    """Every listed model and alias once, in the order of the file."""
    known: dict[str, str] = {}
    for provider in settings.providers:
        for model in provider.models:
            for name in (model.name, *model.aliases):
                known.setdefault(name, provider.name)
    return tuple(KnownModel(name, provider) for name, provider in known.items())


def _listed(providers: Sequence[P], model: str) -> tuple[P, str] | None:
    for provider in providers:
        name = _name_at(provider, model)
        if name is not None:
            return provider, name
    return None


def _unlisted(providers: Sequence[P], model: str) -> tuple[P, str] | None:
    takers = [provider for provider in providers if not provider.models]
    for provider in takers:
        if provider.own_model == model:
            return provider, model
    if len(providers) == 1 and takers:
        return takers[0], model  # also "vendor/model": it is that server's own name
    prefix, slash, rest = model.partition("/")
    for provider in providers:
        if slash and rest and provider.name == prefix:
            name = _name_at(provider, rest) if provider.models else rest
            return None if name is None else (provider, name)
    # Not one whose model is known to be another: it would answer, and nobody would notice.
    anything = [provider for provider in takers if not provider.own_model]
    return (anything[0], model) if anything else None


def _name_at(provider: Candidate, model: str) -> str | None:
    """What the provider calls a model of its list, by name or alias."""
    for listed in provider.models:
        if model == listed.name or model in listed.aliases:
            return listed.name
    return None


def _not_found(model: str) -> CallerError:
    name = "".join(c if c.isprintable() else "?" for c in model[:MAX_SHOWN_NAME])
    return CallerError(
        f"The model `{name}` does not exist or you do not have access to it. "
        "GET /v1/models lists the models that strictwire serves here.",
        status=404,
        param="model",
        code="model_not_found",
    )
