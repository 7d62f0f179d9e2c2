"""``strictwire config``: check a settings file, print the schema for editors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from strictwire.cli.complaints import complaints
from strictwire.cli.outside import outside
from strictwire.cli.settings_file import read_settings_text
from strictwire.config import json_schema, load

app = typer.Typer(
    help="Check settings files, and describe them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("check")
def check(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A settings file in YAML.")],
) -> None:
    """Tell every problem of a settings file with its line and column.

    The environment variables that the file names must be set.
    """
    beyond = outside(context)
    with complaints():
        settings = load(
            read_settings_text(file),
            source=str(file),
            environ=beyond.environ,
            known_rules=beyond.rule_modes(),
        )
    count = len(settings.providers)
    told = (
        f"{count} provider{'' if count == 1 else 's'}"
        if count
        else "no provider: it serves the demonstration model"
    )
    typer.echo(f"{file}: good, {told}")


@app.command("schema")
def schema(context: typer.Context) -> None:
    """Print the JSON Schema of settings files, for editors."""
    typer.echo(json.dumps(json_schema(outside(context).rule_modes()), indent=2))
