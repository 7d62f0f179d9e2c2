"""Command-line flags into values, checked by the same kinds as the file's settings.

Contract: ``flags`` maps names to what the command line gave; None and empty lists are "not given".
The names are those of the settings with a flag, and the few of ``START_FLAGS``, which say what to
serve in the place of a file's providers. Problems name the flag, or the environment variable that
stood in for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from strictwire.config.addresses import Rejected
from strictwire.config.checks import AUTO_AND_MORE, AUTO_AND_MORE_HINT, is_auto_and_more
from strictwire.config.kinds import Choice, Items, NamedRecord, Record
from strictwire.config.model_files import DEMO_NAME, provider_name_of
from strictwire.config.problems import Problem
from strictwire.config.provider import Provider
from strictwire.config.reading import WRONG
from strictwire.config.server_kinds import SERVER_KINDS
from strictwire.config.settings import Settings
from strictwire.config.table import Setting, rows
from strictwire.model.errors import MisuseError

Values = dict[str, Any]
Flags = Mapping[str, object]
NO_FLAGS: Flags = {}

UPSTREAM = "upstream"
UPSTREAM_KEY_ENV = "upstream_key_env"
LAB = "lab"
# Not typed by anyone: whether a start without any provider runs the demonstration model. A file
# alone says nothing of it, and where no engine is installed there is none.
DEMONSTRATION = "demonstration"
START_FLAGS = (UPSTREAM, UPSTREAM_KEY_ENV, LAB, DEMONSTRATION)
# The name of the provider that --upstream makes.
UPSTREAM_PROVIDER = "upstream"
# Several at a time, and long prompts: who tries things out should not have to set anything. With
# this model that costs a few megabytes.
DEMO_PROVIDER: Values = {"name": DEMO_NAME, "kind": "engine", "parallel": 4, "context": 32_768}

# What each of these makes takes the place of the file's providers, so that only one of them can.
_MAKERS = {"model": "--model", UPSTREAM: "--upstream", LAB: "--lab"}
_ONE_MAKER_HINT = "to serve several at a time, list them as providers in a settings file"


@dataclass(frozen=True, slots=True)
class Given:
    """What a command line gives. ``top`` are settings of the top level, ``provider`` is the one
    that is served in the place of the file's, ``engine`` holds for every engine of this start."""

    top: Values = field(default_factory=dict)
    provider: Values | None = None
    engine: Values = field(default_factory=dict)
    is_lab: bool = False
    may_demonstrate: bool = False

    def providers(self, before: list[Values]) -> list[Values]:
        """What is served, where ``before`` are the file's."""
        if self.is_lab:
            return []
        if self.provider is not None:
            return [self.provider]
        return before or ([DEMO_PROVIDER] if self.may_demonstrate else [])


def flag_rows() -> tuple[Setting, ...]:
    """The settings that have a flag, in the tables' order: first those of a server to serve."""
    return tuple(row for cls in (Provider, Settings) for row in rows(cls) if row.flag)


def engine_flag_rows() -> tuple[Setting, ...]:
    """Those that hold for each engine."""
    return tuple(row for row in flag_rows() if row.only_kind == "engine" and row.name != "model")


def read_flags(flags: Flags, environ: Mapping[str, str], problems: list[Problem]) -> Given:
    """What the flags give, with every problem of theirs noted."""
    by_name = {row.name: row for row in flag_rows()}
    unknown = set(flags) - set(by_name) - set(START_FLAGS)
    if unknown:
        raise MisuseError(f"no such flags: {sorted(unknown)}")
    values = _given(by_name, flags, environ, problems)
    _one_maker(flags, problems)
    kind, model = values.pop("kind", None), values.pop("model", None)
    engine = {row.name: values.pop(row.name) for row in engine_flag_rows() if row.name in values}
    made = _upstream(flags, kind, environ, problems)
    if made is None and model is not None:
        name = UPSTREAM_PROVIDER if model is WRONG else provider_name_of(model)
        made = {"name": name, "kind": "engine", "model": model}
    return Given(values, made, engine, bool(flags.get(LAB)), bool(flags.get(DEMONSTRATION)))


def _given(
    by_name: Mapping[str, Setting],
    flags: Flags,
    environ: Mapping[str, str],
    problems: list[Problem],
) -> Values:
    values: Values = {}
    for name, row in by_name.items():
        given = flags.get(name)
        if given is not None and given != []:
            values[name] = _read(row, given, problems)
            if name == "dialects" and is_auto_and_more(values[name]):
                problems.append(Problem(0, 0, row.flag, AUTO_AND_MORE, AUTO_AND_MORE_HINT))
        elif row.environment and row.environment in environ:
            parts = [part.strip() for part in environ[row.environment].split(",")]
            named = replace(row, flag=row.environment)
            values[name] = _read(named, [part for part in parts if part], problems)
    return values


def _read(row: Setting, value: object, problems: list[Problem]) -> Any:
    """One value by its row; problems name the row's flag."""
    try:
        if isinstance(row.kind, Items):
            item = row.kind.item
            assert isinstance(value, list | tuple)
            assert not isinstance(item, Record | NamedRecord)
            if isinstance(item, Choice):  # words without commas
                value = [word.strip() for one in value for word in str(one).split(",")]
            return [item.accept(one) for one in value]
        assert hasattr(row.kind, "accept")  # only scalars and lists of them have flags
        return row.kind.accept(value)
    except Rejected as error:
        problems.append(Problem(0, 0, row.flag, error.message, error.hint))
        return WRONG


def _one_maker(flags: Flags, problems: list[Problem]) -> None:
    first, *others = [flag for name, flag in _MAKERS.items() if flags.get(name)] or [""]
    problems += [
        Problem(0, 0, other, f"does not go with {first}", _ONE_MAKER_HINT) for other in others
    ]


def _upstream(
    flags: Flags, kind: Any, environ: Mapping[str, str], problems: list[Problem]
) -> Values | None:
    """The provider of ``--upstream``, or of a ``--kind`` that has a usual place."""
    url, key_env = flags.get(UPSTREAM), flags.get(UPSTREAM_KEY_ENV)
    is_elsewhere = bool(flags.get("model") or flags.get(LAB))
    if kind is not None and not _is_kind_good(kind, url, is_elsewhere, problems):
        kind = WRONG
    if url is None and (kind is None or kind is WRONG):
        if key_env is not None and kind is None:
            hint = 'a provider of a file says api_keys: ["${NAME}"]'
            problems.append(Problem(0, 0, "--upstream-key-env", "goes with --upstream", hint))
        return None
    by_name = {row.name: row for row in rows(Provider)}
    provider: Values = {"name": UPSTREAM_PROVIDER}
    if kind is not None:
        provider["kind"] = kind
    if url is not None:
        provider["base_url"] = _read(replace(by_name["base_url"], flag="--upstream"), url, problems)
    if key_env is not None:
        if str(key_env) not in environ:
            # The name is not repeated: people put the key itself here.
            message = "no environment variable of that name is set"
            hint = "give the variable's name, not the key"
            problems.append(Problem(0, 0, "--upstream-key-env", message, hint))
            return provider
        keys = replace(by_name["api_keys"], flag="--upstream-key-env")
        provider["api_keys"] = _read(keys, [environ[str(key_env)]], problems)
    return provider


def _is_kind_good(kind: Any, url: object, is_elsewhere: bool, problems: list[Problem]) -> bool:
    """Whether ``--kind`` says what the server of ``--upstream`` is, or where it is."""
    if kind is WRONG:
        return False
    message, hint = "", ""
    if kind == "engine":
        message, hint = "an engine is made by --model", "--model FILE.gguf"
    elif is_elsewhere:
        message = "goes with --upstream"
    elif url is None and not SERVER_KINDS[kind].base_url:
        message, hint = "goes with --upstream: this kind has no usual place", "--upstream URL"
    if message:
        problems.append(Problem(0, 0, "--kind", message, hint))
    return not message
