"""A user's mistake into one or a few lines on standard error, and an exit code.

Contract: 2 for what can be mended in the command or the file, 1 for what the machine refused.
A traceback is left only to what is a defect of our own.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from strictwire.config import SettingsError
from strictwire.model.errors import CallerError
from strictwire.net.client_side.listen import ServeError

EXIT_USAGE = 2
EXIT_MACHINE = 1


@contextmanager
def complaints() -> Iterator[None]:
    """Turn expected errors of the block into lines and an exit."""
    try:
        yield
    except SettingsError as error:
        complain(*(str(problem) for problem in error.problems))
        raise typer.Exit(EXIT_USAGE) from None
    except CallerError as error:
        complain(error.message)
        raise typer.Exit(EXIT_USAGE) from None
    except ServeError as error:
        complain(str(error))
        raise typer.Exit(EXIT_MACHINE) from None
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise  # the reader of our output has left: typer ends in silence
        complain(_told_by_machine(error))
        _give_up_output()
        raise typer.Exit(EXIT_MACHINE) from None


def _give_up_output() -> None:
    """Output that a full disk refused is tried again when the interpreter ends, which then leaves
    a traceback: it goes nowhere instead."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def complain(*lines: str) -> None:
    """Print errors, one line each. A file's name may hold what moves a terminal's cursor."""
    for line in lines:
        shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in line)
        typer.echo(f"Error: {shown}", err=True)


def _told_by_machine(error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    return f"{error.filename}: {reason}" if error.filename else reason
