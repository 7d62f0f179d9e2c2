"""What the table cannot say: settings that contradict each other.

Contract: each check looks at the values that a file gave (see ``reading``) and notes its problems
there; a value that is ``WRONG`` already is passed over. ``exposure`` serves files and flags alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from strictwire.config.addresses import is_loopback_host, is_own_address
from strictwire.config.provider import Provider
from strictwire.config.reading import WRONG, Reading
from strictwire.config.server_kinds import SERVER_KINDS
from strictwire.config.settings import Settings
from strictwire.config.table import Setting, rows

Values = dict[str, Any]

AUTO_AND_MORE = "auto stands alone"
AUTO_AND_MORE_HINT = "say auto, or list the dialects that the provider has"

# Each worker would be a process of its own, with an engine of its own and the model's memory twice.
SHARED = "an engine is served by one process alone"
SHARED_HINT = (
    "take workers out (--workers): one process keeps up with any engine; several are for "
    "servers elsewhere (--upstream)"
)

# One request would become thousands: the gateway sends each on to itself.
CIRCULAR = "is said to be: the gateway would ask itself"
CIRCULAR_HINT = (
    "give the gateway another port (port, --port), or the provider the URL of its server "
    "(base_url, --upstream)"
)

EXPOSED = "is an address that other machines can reach, and no API key is set"
EXPOSED_HINT = (
    "set api_keys (--api-key, STRICTWIRE_API_KEYS), or say allow_public_without_key: true "
    "(--allow-public-without-key) to let everyone in"
)


def check(values: Values, reading: Reading) -> None:
    """Run every check over the values of one file."""
    _provider_names(values, reading)
    _aliases(values, reading)
    _dialects(values, reading)
    _kinds(values, reading)
    _legacy_settings(values, reading)


def is_exposed(host: object, api_keys: object, is_allowed: object) -> bool:
    """Whether anyone on the network could use this gateway, without that being asked for."""
    if WRONG in (host, api_keys, is_allowed):
        return False
    return not (is_loopback_host(str(host)) or api_keys or is_allowed)


def is_auto_and_more(dialects: object) -> bool:
    """Whether a list of dialects both leaves the choice open and makes it."""
    return isinstance(dialects, list) and "auto" in dialects and len(dialects) > 1


def _dialects(values: Values, reading: Reading) -> None:
    for path, one in (("", values), *((f"{path}.", one) for path, one in providers_of(values))):
        if is_auto_and_more(one.get("dialects")):
            reading.problem(f"{path}dialects", AUTO_AND_MORE, AUTO_AND_MORE_HINT)


def is_shared(workers: object, kinds: Sequence[object]) -> bool:
    """Whether several processes would have to share an engine."""
    return "engine" in kinds and isinstance(workers, int) and workers > 1


def is_circular(host: object, port: object, provider: Values) -> bool:
    """Whether the gateway would be the server of this provider of its own."""
    kind, url = provider.get("kind", "auto"), provider.get("base_url", "")
    if WRONG in (host, port, kind, url) or provider.get("proxy"):
        return False
    url = url or SERVER_KINDS[kind].base_url
    return is_own_address(url, str(host), int(str(port)))


def _kinds(values: Values, reading: Reading) -> None:
    """What makes no sense for a provider's kind of server, and what is missing for it."""
    for path, provider in providers_of(values):
        kind = provider.get("kind", "auto")
        if kind is WRONG:
            continue
        for row in rows(Provider):
            if row.name not in provider:
                continue
            if row.only_kind and row.only_kind != kind:
                hint = f"it is for providers that say kind: {row.only_kind}"
                reading.problem(f"{path}.{row.name}", f"does not go with kind {kind}", hint)
            if row.not_kind == kind:
                hint = "take it out: the gateway starts and reaches the engine itself"
                reading.problem(f"{path}.{row.name}", f"does not go with kind {kind}", hint)
        if "base_url" not in provider and not SERVER_KINDS[kind].base_url:
            hint = "give its URL, or a kind that has a usual place, such as ollama"
            reading.problem(f"{path}.base_url", "is missing", hint)
        models = provider.get("models")
        if kind == "engine" and isinstance(models, list) and len(models) > 1:
            hint = "other names for it are its aliases: [{name: one, aliases: [other]}]"
            reading.problem(f"{path}.models[1]", "an engine has one model", hint)


def _provider_names(values: Values, reading: Reading) -> None:
    first: dict[str, str] = {}
    for path, provider in providers_of(values):
        name = provider.get("name", WRONG)
        if name is WRONG:
            continue
        if name in first:
            message = f"the name {name} is taken by {first[name]}"
            reading.problem(f"{path}.name", message, "each provider needs a name of its own")
        first.setdefault(name, path)


def _aliases(values: Values, reading: Reading) -> None:
    """An alias leads to one model, so it is neither another alias nor a model's own name."""
    taken: dict[str, str] = {}
    for path, model in _models(values):
        name = model.get("name", WRONG)
        if name is not WRONG:
            taken.setdefault(name, path)
    for path, model in _models(values):
        aliases = model.get("aliases", ())
        for index, alias in enumerate(() if aliases is WRONG else aliases):
            if alias is WRONG:
                continue
            place = f"{path}.aliases[{index}]"
            if alias in taken:
                message = f"the name {alias} is taken by {taken[alias]}"
                reading.problem(place, message, "an alias must lead to one model")
            taken.setdefault(alias, place)


def _legacy_settings(values: Values, reading: Reading) -> None:
    """Turn settings of other programs into ours; both may be given if they say the same."""
    top = {row.legacy: values.get(row.legacy) for row in rows(Settings) if row.legacy}
    for row in rows(Settings):
        if row.legacy:
            _import_legacy(row, values, reading, path="")
    for path, provider in providers_of(values):
        for row in rows(Provider):
            if not row.legacy:
                continue
            own = provider.get(row.legacy)
            _import_legacy(row, provider, reading, path=f"{path}.")
            is_other = own is False or provider.get(row.name, row.legacy_value) not in (
                row.legacy_value,
                WRONG,
            )
            if top.get(row.legacy) is True and is_other:
                message = f"contradicts {row.legacy}: true at the top level"
                place = f"{path}.{row.name if row.name in provider else row.legacy}"
                reading.problem(place, message, f"keep one of the two, as {row.name}")


def _import_legacy(row: Setting, values: Values, reading: Reading, path: str) -> None:
    legacy = values.pop(row.legacy, WRONG)
    if legacy is WRONG:
        return
    said = values.get(row.name)
    is_forced = said == row.legacy_value
    if said is not None and said is not WRONG and is_forced is not legacy:
        message = f"contradicts {row.name}: {said}"
        reading.problem(f"{path}{row.legacy}", message, f"keep {row.name} only")
    elif legacy:
        values[row.name] = row.legacy_value


def providers_of(values: Values) -> Iterator[tuple[str, Values]]:
    """The providers that a file gives, each with its path."""
    return _mappings("providers", values.get("providers"))


def _models(values: Values) -> Iterator[tuple[str, Values]]:
    for path, provider in providers_of(values):
        yield from _mappings(f"{path}.models", provider.get("models"))


def _mappings(path: str, items: object) -> Iterator[tuple[str, Values]]:
    if isinstance(items, list):
        for index, item in enumerate(items):
            if isinstance(item, dict):
                yield f"{path}[{index}]", item
