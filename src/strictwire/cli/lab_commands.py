"""``strictwire lab``: the scripted upstream, to test clients against."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from strictwire.cli.announcement import lab_proxy_start_line, lab_start_line
from strictwire.cli.complaints import complaints
from strictwire.cli.outside import outside
from strictwire.model.errors import CallerError

# Where the output is no terminal, a line is not wrapped: it is for grep.
PIPE_COLUMNS = 240

_Recordings = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Also play the recorded replies (*.http) of a folder, as recording:NAME. "
        "[default: none]",
        show_default=False,
    ),
]

app = typer.Typer(
    help="A scripted model server, healthy or broken as its model names say.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("serve")
def serve(
    context: typer.Context,
    host: Annotated[
        str,
        typer.Option(metavar="HOST", help="The address to listen on."),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(metavar="NUMBER", min=1, max=65535, help="The TCP port to listen on.")
    ] = 8081,
    pace: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Wait this long (20ms, 0.5s) before each frame. [default: no wait]",
            show_default=False,
        ),
    ] = None,
    cut: Annotated[
        str | None,
        typer.Option(
            metavar="BYTES|random:SEED",
            help="Cut the reply into pieces of so many bytes, or of random sizes. "
            "[default: whole frames]",
            show_default=False,
        ),
    ] = None,
    body: Annotated[
        str | None,
        typer.Option(
            metavar="chunked|close|http1.0|length",
            help="How the reply's end is told. [default: as the scenario says]",
            show_default=False,
        ),
    ] = None,
    fault: Annotated[
        str | None,
        typer.Option(
            metavar="KIND:BYTES",
            help="Break each reply off after so many bytes of its body: cut (the connection "
            "closes), reset, stall (silence), half-close. cut:head sends nothing at all. "
            "[default: none]",
            show_default=False,
        ),
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(
            metavar="gzip|deflate",
            help="Compress each reply, asked or not. [default: as it is]",
            show_default=False,
        ),
    ] = None,
    type: Annotated[  # noqa: A002 - the option's own name
        str | None,
        typer.Option(
            metavar="TYPE|none",
            help="Label each reply with this content type. [default: as the scenario says]",
            show_default=False,
        ),
    ] = None,
    dialects: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Serve only the paths of these: chat, completions, responses, messages, with "
            "commas between them. The others are a plain 404. [default: all]",
            show_default=False,
        ),
    ] = None,
    recordings: _Recordings = None,
) -> None:
    """Serve the scenarios; the model's name chooses one.

    A model name may carry the same options: finish-empty@pace=20ms,cut=7,dialects=chat+responses.
    """
    options = {
        "pace": pace,
        "cut": cut,
        "body": body,
        "fault": fault,
        "encoding": encoding,
        "type": type,
        # A comma ends an option, so a plus stands between names.
        "dialects": dialects and dialects.replace(" ", "").replace(",", "+"),
    }
    for name, value in options.items():
        if value is not None and "," in value:
            with complaints():
                raise CallerError(f"--{name} takes one value, without a comma.")
    text = ",".join(f"{name}={value}" for name, value in options.items() if value is not None)
    beyond = outside(context)
    with complaints():
        playback = beyond.parse_playback(text)
        found = beyond.recordings(recordings) if recordings is not None else {}

        def announce() -> None:
            typer.echo(lab_start_line(host, port))

        beyond.run_lab(host, port, playback, announce, found)


@app.command("proxy")
def proxy(
    context: typer.Context,
    upstream: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="The base address of a server of responses, such as http://127.0.0.1:8000/v1.",
        ),
    ],
    host: Annotated[
        str, typer.Option(metavar="HOST", help="The address to listen on.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(metavar="NUMBER", min=1, max=65535, help="The TCP port to listen on.")
    ] = 8082,
    bearer_env: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Send the key in this environment variable upstream. "
            "[default: the client's own Authorization]",
            show_default=False,
        ),
    ] = None,
    final_only: Annotated[
        bool,
        typer.Option(
            "--final-only",
            help="Send no deltas: only the created event, the items done and the terminal event.",
        ),
    ] = False,
) -> None:
    """Forward /responses to a server, and print what it sends: each event, and the text.

    With --final-only a client shows whether it can do without deltas, whatever the server sends.
    """
    beyond = outside(context)
    with complaints():
        if not upstream.startswith(("http://", "https://")):
            raise CallerError("--upstream must be a URL such as http://127.0.0.1:8000/v1.")

        def announce() -> None:
            typer.echo(lab_proxy_start_line(host, port))

        options = {
            "upstream": upstream,
            "bearer_env": bearer_env,
            "is_final_only": final_only,
        }
        beyond.run_proxy(host, port, options, announce)


@app.command("list")
def list_scenarios(context: typer.Context, recordings: _Recordings = None) -> None:
    """List the scenarios: model names of the lab."""
    beyond = outside(context)
    with complaints():
        found = beyond.recordings(recordings) if recordings is not None else {}
    console = Console()
    if not console.is_terminal:
        console = Console(width=PIPE_COLUMNS)
    table = Table("model name", "what it does", "rules", box=None, pad_edge=False)
    for scenario in beyond.scenarios():
        table.add_row(*_cells(scenario))
    for name, path in found.items():
        table.add_row(f"recording:{name}", f"The recorded reply in {path.name}", "")
    with console.capture() as printed:
        console.print(table)
    for line in printed.get().splitlines():
        typer.echo(line.rstrip())


def _cells(scenario: Any) -> tuple[str, str, str]:
    return scenario.name, scenario.title, ", ".join(scenario.rules)
