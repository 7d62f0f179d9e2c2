"""Real command-line clients in front of the lab, through strictwire and past it.

``python -m tests.clients`` (``make clients``) runs each client's turn with a tool call through the
gateway, over healthy and badly streaming scenarios, and prints one table. A turn that fails there
makes the exit code 1. The same scenario straight from the lab shows what the gateway is for: that
column is told and never fails. A client that cannot be installed is skipped with a word.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from strictwire.lab.arguments import COMMAND
from strictwire.lab.ask import Ask, Tool
from strictwire.lab.scenarios import SCENARIOS

from .npm import UnavailableError
from .opencode import OpenCode
from .turn import Turn

# The end-to-end tests know how to stand it all up; the folders of the tests are no packages.
TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))
sys.path.insert(0, str(TESTS / "e2e"))
from stand import Stand  # noqa: E402 - its path comes first

# A turn takes 3 to 10 s on two cores. A client that a broken stream keeps asking for ever ends
# sooner: that column only tells.
TURN_TIMEOUT_S = 90.0
DIRECT_TIMEOUT_S = 25.0
HEALTHY = "healthy-tools"
# Each breaks clients in another way; `--all` runs every scenario that calls a tool.
SCENARIO_NAMES = (
    HEALTHY,
    "quirky-everything",
    "localai",
    "tools-only-then-done",
    "tool-index-missing",
    "tool-id-repeated",
    "json-for-stream-tools",
)


class Client(Protocol):
    name: str

    def turn(self, base_url: str, model: str, *, timeout_s: float) -> Turn: ...


# One row for each client; making one installs it, or raises UnavailableError.
CLIENTS: dict[str, Callable[[], Client]] = {"opencode": OpenCode}


@dataclass(frozen=True)
class Row:
    client: str
    scenario: str
    through: Turn
    direct: Turn | None


def main(arguments: list[str]) -> int:
    options = _options(arguments)
    names = options.scenario or (_all_names() if options.all else SCENARIO_NAMES)
    rows: list[Row] = []
    skipped: list[str] = []
    for name in options.client or CLIENTS:
        try:
            client = CLIENTS[name]()
        except UnavailableError as reason:
            skipped.append(f"{name}: skipped, {reason}")
            continue
        for row in _rows(client, names, is_direct_too=not options.no_direct):
            rows.append(row)
            print(f"  {row.client}, {row.scenario}: {_word(row.through)}", flush=True)
    _print_table(rows)
    for line in skipped:
        print(line)
    return 1 if any(row.through.problem for row in rows) else 0


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.clients", description=__doc__)
    parser.add_argument("--client", action="append", choices=CLIENTS, help="only this client")
    parser.add_argument(
        "--scenario", action="append", choices=SCENARIOS, metavar="NAME", help="only this one"
    )
    parser.add_argument("--all", action="store_true", help="every scenario that calls a shell tool")
    parser.add_argument("--no-direct", action="store_true", help="only through strictwire")
    return parser.parse_args(arguments)


def _all_names() -> list[str]:
    """Those that call a shell tool with a command: a turn ends well only if it ran."""
    shell = Tool("bash", {"properties": {"command": {"type": "string"}}, "required": ["command"]})
    ask = Ask(model="lab", is_stream=True, tools=(shell,))
    return [
        row.name
        for row in SCENARIOS.values()
        # Those that need a provider's settings are for the tests that make such providers.
        if not row.modes
        and any(
            COMMAND in call.arguments for said in row.expect_for(ask).choices for call in said.calls
        )
    ]


def _rows(client: Client, names: list[str], *, is_direct_too: bool) -> Iterator[Row]:
    stand = Stand()
    stand.start()
    try:
        for name in names:
            through = client.turn(stand.urls["auto"], name, timeout_s=TURN_TIMEOUT_S)
            direct = None
            if is_direct_too:
                direct = client.turn(stand.lab.url, name, timeout_s=DIRECT_TIMEOUT_S)
            yield Row(client.name, name, through, direct)
    finally:
        stand.stop()


def _print_table(rows: list[Row]) -> None:
    cells = [("client", "scenario", "through strictwire", "straight from the server")]
    for row in rows:
        direct = "-" if row.direct is None else _word(row.direct)
        cells.append((row.client, row.scenario, _word(row.through), direct))
    widths = [max(len(line[column]) for line in cells) for column in range(4)]
    print()
    for line in cells:
        padded = (text.ljust(width) for text, width in zip(line, widths, strict=True))
        print("  ".join(padded).rstrip())


def _word(turn: Turn) -> str:
    problem = turn.problem
    return f"ok, {turn.duration_s:.1f} s" if problem is None else f"FAILED: {problem}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
