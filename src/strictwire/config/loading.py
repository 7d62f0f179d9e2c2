"""A settings file, and the command line over it, into frozen settings.

Contract: ``load`` and ``from_flags`` are pure: the text, the environment and the rule names are
arguments. They return settings that passed every check, or raise ``SettingsError`` with all
problems at once. A flag outranks the file, the file outranks the default.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from strictwire.config.checks import (
    CIRCULAR,
    CIRCULAR_HINT,
    EXPOSED,
    EXPOSED_HINT,
    SHARED,
    SHARED_HINT,
    check,
    is_circular,
    is_exposed,
    is_shared,
    providers_of,
)
from strictwire.config.document import parse
from strictwire.config.flags import NO_FLAGS, Flags, Given, engine_flag_rows, read_flags
from strictwire.config.kinds import Record, RuleTable
from strictwire.config.problems import Problem, SettingsError
from strictwire.config.provider import Model, Provider
from strictwire.config.reading import WRONG, Reading
from strictwire.config.server_kinds import SERVER_KINDS, KindName
from strictwire.config.settings import Settings
from strictwire.config.table import rows

Values = dict[str, Any]


def load(
    text: str,
    *,
    source: str,
    environ: Mapping[str, str],
    known_rules: RuleTable,
    flags: Flags = NO_FLAGS,
) -> Settings:
    """The settings of one file, with ``flags`` over them.

    ``source`` names the file in problems. ``environ`` answers ``${NAME}``. ``known_rules`` gives
    the modes of each rule that may be switched.
    """
    reading = Reading(parse(text, source), source, environ, known_rules)
    values = reading.root(Record(Settings))
    check(values, reading)
    problems = list(reading.problems)
    given = read_flags(flags, environ, problems)
    providers = [one for _, one in providers_of(values)]
    if not providers and values.get("providers"):
        providers = [{"kind": WRONG}]  # there is one, of which nothing can be said
    problems += (
        problem if problem.path.startswith("--") else _placed(problem, reading)
        for problem in _start_problems(values, given, providers, is_file=True)
    )
    if problems:
        raise SettingsError(problems)
    return _overridden(_assembled(values), given)


def from_flags(
    settings: Settings | None, flags: Flags, *, environ: Mapping[str, str] | None = None
) -> Settings:
    """``settings`` (None: the defaults) with ``flags`` over them.

    For a file and flags together use ``load``: a flag may mend what its file lacks.
    """
    problems: list[Problem] = []
    given = read_flags(flags, environ or {}, problems)
    before = settings or Settings()
    shown = {row.name: getattr(before, row.name) for row in rows(Settings)}
    looked_at = ("name", "kind", "base_url", "proxy")
    providers = [{key: getattr(one, key) for key in looked_at} for one in before.providers]
    problems += _start_problems(shown, given, providers, is_file=False)
    if problems:
        raise SettingsError(problems)
    return _overridden(before, given)


def _start_problems(
    values: Values, given: Given, providers: list[Values], *, is_file: bool
) -> Iterator[Problem]:
    """What file and flags say against each other. The path is the setting's, or the flag's."""
    defaults = Settings()
    both = {**values, **given.top}

    def problem(name: str, message: str, hint: str, *, is_in_file: bool = True) -> Problem:
        is_there = is_file and is_in_file and name not in given.top
        return Problem(0, 0, name if is_there else f"--{name}", message, hint)

    host = both.get("host", defaults.host)
    is_allowed = both.get("allow_public_without_key", defaults.allow_public_without_key)
    if is_exposed(host, both.get("api_keys", ()), is_allowed):
        yield problem("host", f"{host} {EXPOSED}", EXPOSED_HINT)
    served = given.providers(providers)
    port = both.get("port", defaults.port)
    for name in (one.get("name") for one in served if is_circular(host, port, one)):
        message = f"{port} is where the server of {name} {CIRCULAR}"
        yield problem("port", message, CIRCULAR_HINT, is_in_file=given.provider is None)
    kinds = [one.get("kind", "auto") for one in served]
    if is_shared(both.get("workers", defaults.workers), kinds):
        yield problem("workers", SHARED, SHARED_HINT)
    if WRONG in kinds:
        return
    if "engine" not in kinds:
        for row in engine_flag_rows():
            if row.name in given.engine:
                yield Problem(0, 0, row.flag, "goes with an engine", "give it --model FILE.gguf")
    elif set(kinds) == {"engine"} and "dialects" in given.top:
        yield Problem(0, 0, "--dialect", "does not go with an engine", "it has its own")


def _placed(problem: Problem, reading: Reading) -> Problem:
    reading.problem(problem.path, problem.message, problem.hint)
    return reading.problems[-1]


def _assembled(values: Values) -> Settings:
    """Settings from values that had no problem: inherited settings are filled in here."""
    given = {name: _frozen(value) for name, value in values.items() if name != "providers"}
    for row in rows(Settings):
        if isinstance(row.kind, Record):
            given[row.name] = row.kind.cls(**values.get(row.name, {}))
    top = Settings(**given)
    return replace(top, providers=tuple(_provider(one, top) for one in values.get("providers", ())))


def _provider(values: Values, top: Settings) -> Provider:
    given = {name: _frozen(value) for name, value in values.items()}
    kind: KindName = values.get("kind", "auto")
    given.setdefault("base_url", SERVER_KINDS[kind].base_url)
    for row in rows(Provider):
        if not row.is_inherited or row.not_kind == kind:
            continue
        inherited = getattr(top, row.name)
        if isinstance(row.kind, Record):
            given[row.name] = replace(inherited, **values.get(row.name, {}))
        else:
            given.setdefault(row.name, inherited)
    models = values.get("models", ())
    given["models"] = tuple(Model(**{n: _frozen(v) for n, v in one.items()}) for one in models)
    return Provider(**given)


def _overridden(settings: Settings, given: Given) -> Settings:
    top = {name: _frozen(value) for name, value in given.top.items()}
    settings = replace(settings, **top)
    if given.is_lab or given.provider is not None or not settings.providers:
        providers = tuple(_provider(one, settings) for one in given.providers([]))
    else:
        providers = tuple(_inheriting(one, top) for one in settings.providers)
    return replace(
        settings,
        providers=tuple(
            replace(one, **given.engine) if one.is_engine else one for one in providers
        ),
    )


def _inheriting(provider: Provider, top: Values) -> Provider:
    """The provider with what a flag says of all; settings that its kind has no use for stay."""
    named = {
        row.name for row in rows(Provider) if row.is_inherited and row.not_kind != provider.kind
    }
    return replace(provider, **{name: value for name, value in top.items() if name in named})


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
