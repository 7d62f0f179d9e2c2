"""The settings table into typer options: a setting with a flag needs no line in the CLI.

Contract: an option that was not given is None (or an empty list), so that the file's value and
the default keep their place; values are checked by ``strictwire.config``, not here.
"""

from __future__ import annotations

import inspect
from typing import Annotated, Any

import typer

from strictwire.config import Setting, flag_rows
from strictwire.config.kinds import Choice, Items, Kind, OneNumber, Seconds, Switch, Whole


def setting_parameters() -> list[inspect.Parameter]:
    """A keyword parameter for each setting with a flag, as typer reads them."""
    return [_parameter(row) for row in flag_rows()]


def _parameter(row: Setting) -> inspect.Parameter:
    is_list = isinstance(row.kind, Items)
    option = typer.Option(
        row.flag,
        help=_help(row),
        metavar=None if isinstance(row.kind, Switch) else _metavar(row),
        show_default=False,
    )
    value = list[str] if is_list else _python_type(row.kind)
    annotation: Any = Annotated[value | None, option]
    return inspect.Parameter(
        row.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation
    )


def _help(row: Setting) -> str:
    parts = [row.doc, row.flag_doc] if row.flag_doc else [row.doc]
    if isinstance(row.kind, Items):
        parts.append("May be given several times.")
    parts.append(f"[{'; '.join(_facts(row))}]")
    return " ".join(parts).replace("`", "")


def _facts(row: Setting) -> list[str]:
    facts = [f"default: {shown_default(row)}"]
    if isinstance(row.kind, Seconds) and row.kind.zero:
        facts.append(f"0 {row.kind.zero}")
    if row.environment:
        facts.append(f"environment: {row.environment}, separated by commas")
    return facts


def shown_default(row: Setting) -> str:
    """A default as a person would type it."""
    match row.default:
        case () | None | "":
            return "none"
        case bool():
            return "on" if row.default else "off"
        case float():
            return f"{row.default:g}"
        case tuple():
            return ", ".join(map(str, row.default))
    return str(row.default)


def _python_type(kind: Kind) -> Any:
    match kind:
        case Whole() | OneNumber():
            return int
        case Seconds():
            return float
        case Switch():
            return bool
    return str


def _metavar(row: Setting) -> str:
    if row.flag_value:
        return row.flag_value
    match row.kind:
        case Choice():
            return "|".join(row.kind.values)
        case OneNumber():
            return "|".join(map(str, row.kind.values))
        case Seconds():
            return "SECONDS"
        case Whole():
            return "NUMBER"
    return "TEXT"
