"""The command tree. A command group is a module; a new one is a row of ``GROUPS``."""

from __future__ import annotations

from typing import Annotated

import typer

from strictwire import __version__
from strictwire.cli import config_commands, lab_commands, lint_command, serve_command

GROUPS = {"lab": lab_commands.app, "config": config_commands.app}

# Plain text: boxes and colours get in the way of logs, pipes and screen readers.
app = typer.Typer(
    name="strictwire",
    help="Makes the stream of any OpenAI-like model server strict.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"strictwire {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        # Eager, and a callback: it must answer before a missing command is complained about.
        typer.Option(
            "--version",
            help="Print the version and exit.",
            is_eager=True,
            callback=_print_version,
        ),
    ] = False,
) -> None:
    """The options before any command."""


app.command("serve")(serve_command.serve)
app.command("lint")(lint_command.lint)
for _name, _group in GROUPS.items():
    app.add_typer(_group, name=_name)


def main() -> None:
    """Run the command line of this process."""
    app(prog_name="strictwire")
