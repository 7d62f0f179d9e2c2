"""Real command-line clients in front of the lab, through strictwire and past it.

``python -m tests.clients`` (``make clients``) gives each client turns through the gateway: a plain
one and one with a tool call over an upstream that speaks chat only, Responses only, Messages only,
or Responses without a single delta, one over every scenario that streams badly, and one with the
embedded engine. It prints one table; a turn that fails makes the exit code 1. ``--quick`` takes the
rows that broke clients most often. With ``--direct`` the same scenario straight from the lab shows
what the gateway is for: that column is told and never fails. A client that cannot be installed is
skipped with a word.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from strictwire.lab.log import Played
from strictwire.lab.scenarios import ALL_SCENARIOS

from .claude_code import ClaudeCode
from .codex import Codex, CodexOverSocket
from .npm import UnavailableError
from .opencode import OpenCode, OpenCodeResponses
from .trials import ENGINE, Asked, Trial, quick, trials
from .turn import Turn

# The end-to-end tests know how to stand it all up; the folders of the tests are no packages.
TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))
sys.path.insert(0, str(TESTS / "e2e"))
from stand import PROVIDERS, Stand  # noqa: E402 - its path comes first

from .embedded import engine_gateway  # noqa: E402

UPSTREAMS = (*PROVIDERS, ENGINE)
# A client that a broken stream keeps asking for ever is stopped: that column only tells.
DIRECT_TIMEOUT_S = 25.0
# A turn is mostly the client's own start, so more turns at once than cores bring nothing.
AT_ONCE = os.cpu_count() or 1


class Client(Protocol):
    name: str

    def turn(
        self,
        base_url: str,
        model: str,
        prompt: str,
        *,
        timeout_s: float,
        headers: Mapping[str, str] | None = None,
    ) -> Turn: ...


# One row for each client; making one installs it, or raises UnavailableError.
CLIENTS: dict[str, Callable[[], Client]] = {
    "codex": Codex,
    "codex-websocket": CodexOverSocket,
    "claude-code": ClaudeCode,
    "opencode": OpenCode,
    "opencode-responses": OpenCodeResponses,
}


@dataclass(frozen=True)
class Row:
    """``problem`` is what was wrong through the gateway; ``direct`` what is told of the turn past
    it."""

    client: str
    trial: Trial
    through: Turn
    problem: str | None
    direct: str = "-"

    @property
    def told(self) -> str:
        return _word(self.through, self.problem)


def main(arguments: list[str]) -> int:
    options = _options(arguments)
    chosen = list(_chosen(options))
    rows: list[Row] = []
    skipped: list[str] = []
    with _places(chosen) as places:
        for name in options.client or CLIENTS:
            try:
                client = CLIENTS[name]()
            except UnavailableError as reason:
                skipped.append(f"{name}: skipped, {reason}")
                continue
            for row in _rows(client, places, chosen, options):
                rows.append(row)
                print(f"  {row.client}, {row.trial.upstream}, {row.trial.name}: {row.told}")
                sys.stdout.flush()
    _print_table(rows)
    _print_counts(rows)
    for line in skipped:
        print(line)
    return 1 if any(row.problem for row in rows) else 0


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.clients", description=__doc__)
    add = parser.add_argument
    add("--client", action="append", choices=CLIENTS, help="only this client")
    add("--upstream", action="append", choices=UPSTREAMS, help="only this upstream")
    add("--scenario", action="append", choices=ALL_SCENARIOS, metavar="NAME", help="only this one")
    add("--quick", action="store_true", help="only the rows that broke clients most often")
    add("--all", action="store_true", help="every chat scenario that calls a tool")
    add("--direct", action="store_true", help="also straight from the server")
    add("--at-once", type=int, default=AT_ONCE, metavar="N", help="turns at once [default: cores]")
    return parser.parse_args(arguments)


def _chosen(options: argparse.Namespace) -> Iterator[Trial]:
    found = trials(tuple(options.upstream or UPSTREAMS), is_all=options.all)
    for trial in quick(found) if options.quick else found:
        if not options.scenario or trial.scenario in options.scenario:
            yield trial


@dataclass(frozen=True)
class Places:
    """What is asked: the lab's gateways, and the one with the engine, "" if no trial needs it."""

    stand: Stand
    engine_url: str

    def url_of(self, trial: Trial) -> str:
        return self.engine_url if trial.upstream == ENGINE else self.stand.urls["dialects"]


@contextmanager
def _places(chosen: list[Trial]) -> Iterator[Places]:
    with ExitStack() as stack:
        stand = Stand()
        stand.start()
        stack.callback(stand.stop)
        needs_engine = any(trial.upstream == ENGINE for trial in chosen)
        yield Places(stand, stack.enter_context(engine_gateway()) if needs_engine else "")


def _rows(
    client: Client, places: Places, chosen: list[Trial], options: argparse.Namespace
) -> Iterator[Row]:
    with ThreadPoolExecutor(options.at_once) as at_once:
        yield from at_once.map(
            lambda trial: _row(client, places, trial, is_direct_too=options.direct), chosen
        )


def _row(client: Client, places: Places, trial: Trial, *, is_direct_too: bool) -> Row:
    stand = places.stand
    earlier = list(stand.lab.log)
    through = client.turn(
        places.url_of(trial),
        trial.model,
        trial.prompt,
        timeout_s=trial.patience_s,
        headers=trial.headers,
    )
    asked = _asked(stand.lab.log, earlier, trial)
    problem = trial.problem(through, asked)
    if not is_direct_too or trial.upstream == ENGINE:
        return Row(client.name, trial, through, problem)
    turn = client.turn(stand.lab.url, trial.scenario, trial.prompt, timeout_s=DIRECT_TIMEOUT_S)
    return Row(client.name, trial, through, problem, _word(turn, trial.problem(turn, Asked())))


def _asked(log: Iterable[Played], earlier: list[Played], trial: Trial) -> Asked:
    """Of this trial alone: others go on at the same time."""
    known = set(map(id, earlier))
    own = [one for one in log if id(one) not in known and one.script == trial.scenario]
    was_whole = any(one.headers.get("accept") == "application/json" for one in own)
    return Asked(len(own), was_whole)


def _print_table(rows: list[Row]) -> None:
    cells = [("client", "upstream", "scenario", "through strictwire", "straight from the server")]
    for row in rows:
        trial = row.trial
        cells.append((row.client, trial.upstream, trial.name, row.told, row.direct))
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    print()
    for line in cells:
        padded = (text.ljust(width) for text, width in zip(line, widths, strict=True))
        print("  ".join(padded).rstrip())


def _print_counts(rows: list[Row]) -> None:
    asked = Counter(row.client for row in rows)
    good = Counter(row.client for row in rows if row.problem is None)
    print()
    for client, count in asked.items():
        print(f"{client}: {good[client]} of {count} ok")


def _word(turn: Turn, problem: str | None) -> str:
    return f"ok, {turn.duration_s:.1f} s" if problem is None else f"FAILED: {problem}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
