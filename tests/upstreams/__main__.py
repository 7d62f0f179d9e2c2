"""Real model servers behind the gateway, with the model that comes along.

``python -m tests.upstreams`` (``make upstreams``) starts llama.cpp's server, mlx-lm and
transformers serve on 127.0.0.1, each with the demonstration model, and asks them in every dialect
through ``strictwire serve``: once under the preset of their kind, once under ``auto``. It prints
one table; a trial that fails makes the exit code 1. A server that cannot be had here is skipped
with a word.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# The end-to-end tests know how to ask; the folders of the tests are no packages.
TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))
sys.path.insert(0, str(TESTS / "e2e"))

from strictwire.config.server_kinds import KindName  # noqa: E402 - the paths come first

from .gateway import gateway  # noqa: E402
from .processes import StartError  # noqa: E402
from .servers import SERVERS, Server  # noqa: E402
from .trials import Target, Trial, trials  # noqa: E402
from .venvs import UnavailableError  # noqa: E402

# Of what is wrong with one trial, as much as a line of the table has room for.
MAX_TOLD = 300


@dataclass(frozen=True)
class Row:
    server: KindName
    kind: KindName
    trial: Trial
    problems: tuple[str, ...]
    duration_s: float

    @property
    def told(self) -> str:
        if not self.problems:
            return f"ok, {self.duration_s:.1f} s"
        return f"FAILED: {self.problems[0][:MAX_TOLD]}"


def main(arguments: list[str]) -> int:
    options = _options(arguments)
    rows: list[Row] = []
    skipped: list[str] = []
    for server in SERVERS:
        if options.server and server.kind not in options.server:
            continue
        try:
            for row in _rows(server, options):
                rows.append(row)
                print(f"  {_name(row)}: {row.told}", flush=True)
                for problem in row.problems[1:]:
                    print(f"      {problem}", flush=True)
        except UnavailableError as reason:
            skipped.append(f"{server.kind}: skipped, {reason}")
    _print_table(rows)
    _print_counts(rows)
    for line in skipped:
        print(line)
    return 1 if any(row.problems for row in rows) else 0


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.upstreams", description=__doc__)
    add = parser.add_argument
    names = [server.kind for server in SERVERS]
    add("--server", action="append", choices=names, help="only this server")
    add("--kind", choices=("preset", "auto"), help="only under its own kind, or only under auto")
    add("--trial", metavar="WORD", default="", help="only trials with this in their name")
    return parser.parse_args(arguments)


def _rows(server: Server, options: argparse.Namespace) -> Iterator[Row]:
    kinds: dict[str, KindName] = {"preset": server.kind, "auto": "auto"}
    with tempfile.TemporaryDirectory(prefix="strictwire-upstream-") as made:
        place = Path(made)
        try:
            with server.start(place) as base_url:
                for name, kind in kinds.items():
                    if options.kind in (None, name):
                        with gateway(place, kind, base_url) as url:
                            yield from _tried(server, kind, url, options.trial)
        except StartError as reason:
            # What was installed must start: nothing to skip here.
            nothing = Trial("to start", "chat", True, _never)
            yield Row(server.kind, server.kind, nothing, (str(reason),), 0.0)


def _tried(server: Server, kind: KindName, url: str, word: str) -> Iterator[Row]:
    target = Target(url, server)
    # One loop for all: the asynchronous clients keep connections of theirs.
    with asyncio.Runner() as runner:
        for trial in trials(server):
            if word not in f"{trial.subject}, {trial.dialect}, {trial.way}":
                continue
            begun_s = time.monotonic()
            try:
                problems = tuple(runner.run(trial.judge(target)))
            except Exception as failure:  # noqa: BLE001 - one trial must not end the others
                problems = (f"{type(failure).__name__}: {failure}",)
            yield Row(server.kind, kind, trial, problems, time.monotonic() - begun_s)
        runner.run(target.close())


async def _never(target: Target) -> list[str]:
    return []


def _name(row: Row) -> str:
    trial = row.trial
    return f"{row.server} as {row.kind}, {trial.dialect}, {trial.way}, {trial.subject}"


def _print_table(rows: list[Row]) -> None:
    cells = [("server", "kind", "dialect", "way", "trial", "outcome")]
    for row in rows:
        trial = row.trial
        cells.append((row.server, row.kind, trial.dialect, trial.way, trial.subject, row.told))
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    print()
    for line in cells:
        padded = (text.ljust(width) for text, width in zip(line, widths, strict=True))
        print("  ".join(padded).rstrip())


def _print_counts(rows: list[Row]) -> None:
    tried = Counter((row.server, row.kind) for row in rows)
    good = Counter((row.server, row.kind) for row in rows if not row.problems)
    print()
    for (server, kind), count in tried.items():
        print(f"{server} as {kind}: {good[server, kind]} of {count} ok")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
