"""Command-line flags into values, checked by the same kinds as the file's settings.

Contract: ``flags`` maps names to what the command line gave; None and empty lists are "not given".
The names are those of the settings with a flag, and the two of ``UPSTREAM_FLAGS``, which make a
provider. Problems name the flag, or
the environment variable that stood in for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from strictwire.config.addresses import Rejected
from strictwire.config.checks import AUTO_AND_MORE, AUTO_AND_MORE_HINT, is_auto_and_more
from strictwire.config.kinds import Choice, Items, NamedRecord, Record
from strictwire.config.problems import Problem
from strictwire.config.reading import WRONG
from strictwire.config.settings import Provider, Settings
from strictwire.config.table import Setting, rows
from strictwire.model.errors import MisuseError

Flags = Mapping[str, object]
NO_FLAGS: Flags = {}

UPSTREAM = "upstream"
UPSTREAM_KEY_ENV = "upstream_key_env"
UPSTREAM_FLAGS = (UPSTREAM, UPSTREAM_KEY_ENV)
# The name of the provider that --upstream makes.
UPSTREAM_PROVIDER = "upstream"


def flag_rows() -> tuple[Setting, ...]:
    """The settings that have a flag, in the table's order."""
    return tuple(row for row in rows(Settings) if row.flag)


def read_flags(
    flags: Flags, environ: Mapping[str, str], problems: list[Problem]
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The settings that flags give, and the provider of ``--upstream`` (None without it)."""
    by_name = {row.name: row for row in flag_rows()}
    unknown = set(flags) - set(by_name) - set(UPSTREAM_FLAGS)
    if unknown:
        raise MisuseError(f"no such flags: {sorted(unknown)}")
    values: dict[str, Any] = {}
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
    return values, _upstream(flags, environ, problems)


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


def _upstream(
    flags: Flags, environ: Mapping[str, str], problems: list[Problem]
) -> dict[str, Any] | None:
    url, key_env = flags.get(UPSTREAM), flags.get(UPSTREAM_KEY_ENV)
    if url is None:
        if key_env is not None:
            hint = 'a provider of a file says api_keys: ["${NAME}"]'
            problems.append(Problem(0, 0, "--upstream-key-env", "goes with --upstream", hint))
        return None
    by_name = {row.name: row for row in rows(Provider)}
    provider: dict[str, Any] = {"name": UPSTREAM_PROVIDER}
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
