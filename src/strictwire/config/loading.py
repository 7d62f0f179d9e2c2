"""A settings file, and the command line over it, into frozen settings.

Contract: ``load`` and ``from_flags`` are pure: the text, the environment and the rule names are
arguments. They return settings that passed every check, or raise ``SettingsError`` with all
problems at once. A flag outranks the file, the file outranks the default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from strictwire.config.checks import EXPOSED, EXPOSED_HINT, check, is_exposed
from strictwire.config.document import parse
from strictwire.config.flags import NO_FLAGS, Flags, read_flags
from strictwire.config.kinds import Record, RuleTable
from strictwire.config.problems import Problem, SettingsError
from strictwire.config.reading import Reading
from strictwire.config.settings import Model, Provider, Settings
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
    flag_values, upstream = read_flags(flags, environ, problems)
    exposed = _exposure({**values, **flag_values}, is_host_a_flag="host" in flag_values)
    if exposed is not None:
        problems.append(exposed if "host" in flag_values else _placed(exposed, reading))
    if problems:
        raise SettingsError(problems)
    return _overridden(_assembled(values), flag_values, upstream)


def from_flags(
    settings: Settings | None, flags: Flags, *, environ: Mapping[str, str] | None = None
) -> Settings:
    """``settings`` (None: the defaults) with ``flags`` over them.

    For a file and flags together use ``load``: a flag may mend what its file lacks.
    """
    problems: list[Problem] = []
    flag_values, upstream = read_flags(flags, environ or {}, problems)
    before = settings or Settings()
    shown = {row.name: getattr(before, row.name) for row in rows(Settings)}
    exposed = _exposure({**shown, **flag_values}, is_host_a_flag=True)
    if exposed is not None:
        problems.append(exposed)
    if problems:
        raise SettingsError(problems)
    return _overridden(before, flag_values, upstream)


def _exposure(values: Values, *, is_host_a_flag: bool) -> Problem | None:
    defaults = Settings()
    host = values.get("host", defaults.host)
    is_allowed = values.get("allow_public_without_key", defaults.allow_public_without_key)
    if not is_exposed(host, values.get("api_keys", ()), is_allowed):
        return None
    path = "--host" if is_host_a_flag else "host"
    return Problem(0, 0, path, f"{host} {EXPOSED}", EXPOSED_HINT)


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
    for row in rows(Provider):
        if not row.is_inherited:
            continue
        inherited = getattr(top, row.name)
        if isinstance(row.kind, Record):
            given[row.name] = replace(inherited, **values.get(row.name, {}))
        else:
            given.setdefault(row.name, inherited)
    models = values.get("models", ())
    given["models"] = tuple(Model(**{n: _frozen(v) for n, v in one.items()}) for one in models)
    return Provider(**given)


def _overridden(settings: Settings, flag_values: Values, upstream: Values | None) -> Settings:
    given = {name: _frozen(value) for name, value in flag_values.items()}
    settings = replace(settings, **given)
    if upstream is not None:
        return replace(settings, providers=(_provider(upstream, settings),))
    inherited = {row.name for row in rows(Provider) if row.is_inherited}
    to_all = {name: value for name, value in given.items() if name in inherited}
    return replace(settings, providers=tuple(replace(one, **to_all) for one in settings.providers))


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
