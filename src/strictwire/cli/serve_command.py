"""``strictwire serve``: flags and a file into settings, then over to the composition root."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Annotated, Any

import typer

from strictwire.cli.announcement import start_line, what_is_served
from strictwire.cli.complaints import complaints
from strictwire.cli.logging_setup import set_up_logging
from strictwire.cli.outside import Outside, outside
from strictwire.cli.setting_options import setting_parameters
from strictwire.cli.settings_file import read_settings_text
from strictwire.config import Flags, Settings, from_flags, load


def serve(
    here: typer.Context,  # "context" is the name of a flag
    *,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="Settings in YAML. Flags outrank the file. [default: none]",
            show_default=False,
        ),
    ] = None,
    upstream: Annotated[
        str | None,
        typer.Option(
            "--upstream",
            metavar="URL",
            help="The API root of the one model server to serve, in place of the file's "
            "providers. [default: none; without any provider a tiny demonstration model is served]",
            show_default=False,
        ),
    ] = None,
    upstream_key_env: Annotated[
        str | None,
        typer.Option(
            "--upstream-key-env",
            metavar="NAME",
            help="The environment variable that holds the key for --upstream. [default: none; "
            "without any gateway key the client's own key is passed on]",
            show_default=False,
        ),
    ] = None,
    lab: Annotated[
        bool,
        typer.Option(
            "--lab",
            help="Serve the built-in lab, scripted answers without a model, in place of the file's "
            "providers.",
        ),
    ] = False,
    **flags: Any,
) -> None:
    """Serve clients strictly: a model of this machine, or in front of a model server."""
    beyond = outside(here)
    given = {
        "upstream": upstream,
        "upstream_key_env": upstream_key_env,
        "lab": lab,
        "demonstration": beyond.has_engine(),
        **flags,
    }
    with complaints():
        settings = _settings(config, given, beyond)
        set_up_logging(settings.log_level, settings.secrets())

        def announce() -> None:
            typer.echo(start_line(settings))
            for line in what_is_served(settings, is_lab_wanted=lab):
                typer.echo(line, err=True)

        beyond.run_gateway(settings, lab=not settings.providers, announce=announce)


def _settings(config: Path | None, flags: Flags, beyond: Outside) -> Settings:
    if config is None:
        return from_flags(None, flags, environ=beyond.environ)
    return load(
        read_settings_text(config),
        source=str(config),
        environ=beyond.environ,
        known_rules=beyond.rule_modes(),
        flags=flags,
    )


def _with_setting_options() -> inspect.Signature:
    written = inspect.signature(serve, eval_str=True)
    own = [one for one in written.parameters.values() if one.kind is not one.VAR_KEYWORD]
    return written.replace(parameters=[*own, *setting_parameters()])


# Typer reads a command's options off its signature; these come from the table of settings.
serve.__signature__ = _with_setting_options()  # type: ignore[attr-defined]
