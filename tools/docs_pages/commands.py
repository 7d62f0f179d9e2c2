"""The command line, from the commands themselves."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import typer

from docs_pages.markdown import page, table
from strictwire.cli.app import app


def cli_page() -> str:
    command = typer.main.get_command(app)
    return page(
        "Command line",
        "Exit codes: 0 for success, 1 where the machine refused (an address in use, a file that "
        "cannot be read), 2 for a mistake in the command or the settings; `lint` leaves 1 where it "
        "found something, and 2 where it could not judge. A `serve` that is told to stop (Ctrl-C, "
        "SIGTERM) finishes its open replies and leaves 0; any other command leaves 130 after "
        "Ctrl-C.",
        *_commands(command, "strictwire"),
    )


def _commands(command: Any, name: str) -> Iterator[str]:
    yield f"## `{name}`"
    yield inspect.cleandoc(command.help or "")
    usage = [_usage(one) for one in command.params if one.name != "help"]
    if not hasattr(command, "commands"):
        yield f"```\n{' '.join([name, *(word for word in usage if word)])}\n```"
    told = [one for one in command.params if getattr(one, "help", None)]
    if told:
        yield table(("option", "meaning"), ((_names(one), one.help) for one in told))
    for child_name, child in getattr(command, "commands", {}).items():
        yield from _commands(child, f"{name} {child_name}")


def _usage(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return str(parameter.metavar)
    words = parameter.opts[0]
    if not parameter.is_flag:
        words += f" {parameter.metavar}"
    return f"[{words}]{'...' if parameter.multiple else ''}"


def _names(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{parameter.metavar}`"
    value = "" if parameter.is_flag else f" {parameter.metavar}"
    default = parameter.default
    shown = f" (default `{default}`)" if parameter.show_default and default else ""
    return f"`{', '.join((*parameter.opts, *parameter.secondary_opts))}{value}`{shown}"
