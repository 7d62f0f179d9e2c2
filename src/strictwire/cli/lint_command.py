"""``strictwire lint``: what in a reply's bytes departs from the contract, one line each.

Exit codes: 0 nothing was found, 1 something was, 2 the command or the file cannot be used.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from strictwire.cli.complaints import EXIT_USAGE, complain, complaints
from strictwire.cli.outside import outside
from strictwire.config.problems import hint_for_name
from strictwire.model.errors import CallerError

EXIT_FOUND = 1
STDIN = "-"
# A reply in memory, and what is read of it: as much as the gateway takes of one upstream object.
MAX_INPUT_BYTES = 64 * 1024 * 1024


def lint(
    context: typer.Context,
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE|-...",
            help="A reply's body, or a recorded HTTP reply with its head, as of curl -si. - is "
            "standard input.",
        ),
    ],
    dialect: Annotated[
        Literal["chat", "completions", "responses", "messages"] | None,
        typer.Option(
            metavar="chat|completions|responses|messages",
            help="The dialect of the request's path. [default: as the reply says]",
            show_default=False,
        ),
    ] = None,
    is_stream: Annotated[
        bool | None,
        typer.Option(
            "--stream/--whole",
            help="What was asked for: a stream or one object. [default: as the body begins]",
            show_default=False,
        ),
    ] = None,
    includes_usage: Annotated[
        bool | None,
        typer.Option(
            "--usage/--no-usage",
            help="Whether a stream's usage was asked for. [default: nobody knows]",
            show_default=False,
        ),
    ] = None,
    progress: Annotated[
        Literal["true", "event", "comment", "chunk"] | None,
        typer.Option(
            metavar="event|comment|chunk",
            help="The carrier of prefill progress that was asked for. [default: none]",
            show_default=False,
        ),
    ] = None,
    choices: Annotated[
        int | None,
        typer.Option(
            metavar="NUMBER",
            min=1,
            help="How many choices were asked for. [default: nobody knows]",
            show_default=False,
        ),
    ] = None,
    tools: Annotated[
        str, typer.Option(metavar="NAME,…", help="The names of the request's tools.")
    ] = "",
    reasoning_key: Annotated[
        Literal["reasoning_content", "reasoning", "both"],
        typer.Option(
            metavar="reasoning_content|reasoning|both", help="The key that reasoning must be under."
        ),
    ] = "reasoning_content",
    extra_fields: Annotated[
        Literal["keep", "drop"],
        typer.Option(
            metavar="keep|drop", help="Whether fields that OpenAI does not know may be there."
        ),
    ] = "keep",
    after_error: Annotated[
        Literal["done", "cut"],
        typer.Option(metavar="done|cut", help="How a stream must end after an error."),
    ] = "done",
    responses_done: Annotated[
        bool | None,
        typer.Option(
            "--responses-done/--no-responses-done",
            help="Whether [DONE] must end a stream of Responses. [default: it may]",
            show_default=False,
        ),
    ] = None,
    repairs: Annotated[
        list[str] | None,
        typer.Option(
            "--repairs",
            metavar="RULE=MODE",
            help="Look for what the rule mends in this mode; off: do not. May be repeated.",
            show_default=False,
        ),
    ] = None,
    is_every: Annotated[
        bool, typer.Option("--all", help="Print a line for every place, not for every kind.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object for each file, and no lines.")
    ] = False,
) -> None:
    """List what in a reply departs from the wire contract.

    Each line has a byte offset. A recorded HTTP reply is taken out of its framing first; offsets
    then count from its body.
    """
    beyond = outside(context)
    with complaints():
        options: dict[str, Any] = {
            "dialect": dialect,
            "is_stream": is_stream,
            "includes_usage": includes_usage,
            "progress": "event" if progress == "true" else progress,
            "choices": choices,
            "tools": frozenset(name for name in tools.split(",") if name),
            "reasoning_key": reasoning_key,
            "extra_fields": extra_fields,
            "after_error": after_error,
            "responses_done": responses_done,
            "modes": _modes(repairs or (), beyond.rule_modes()),
        }
        has_findings = False
        for file in files:
            report = beyond.lint(_read(file), options)
            has_findings = has_findings or bool(report.findings)
            if as_json:
                typer.echo(json.dumps(report.as_json(file)))
                continue
            for line in report.lines(file, is_every=is_every):
                typer.echo(line)
    if has_findings:
        raise typer.Exit(EXIT_FOUND)


def _read(file: str) -> bytes:
    """The input, of a bounded size. What cannot be read is a mistake in the command."""
    try:
        if file == STDIN:
            if sys.stdin is None:  # the shell's <&-
                raise CallerError("Standard input is closed.")
            data = sys.stdin.buffer.read(MAX_INPUT_BYTES + 1)
        else:
            with Path(file).open("rb") as stream:
                data = stream.read(MAX_INPUT_BYTES + 1)
    except OSError as error:
        complain(f"{file}: {error.strerror or error}")
        raise typer.Exit(EXIT_USAGE) from None
    if len(data) > MAX_INPUT_BYTES:
        raise CallerError(f"{file} is larger than {MAX_INPUT_BYTES} bytes.")
    return data


def _modes(told: Iterable[str], known: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    modes = {}
    for one in told:
        rule, _, mode = one.partition("=")
        if rule not in known:
            hint = hint_for_name(rule, known)
            raise CallerError(f"--repairs: no rule is called '{rule}'{hint and f' ({hint})'}.")
        if not known[rule]:
            raise CallerError(f"--repairs: {rule} cannot be switched.")
        if mode not in known[rule]:
            raise CallerError(f"--repairs: the modes of {rule} are {', '.join(known[rule])}.")
        modes[rule] = mode
    return modes
