"""Real command-line clients in front of the lab, through strictwire and past it.

``python -m tests.clients`` (``make clients``) gives each client turns through the gateway: a plain
one and one with a tool call over an upstream that speaks chat only, Responses only or Messages
only, and one over every scenario that streams badly. It prints one table; a turn that fails makes
the exit code 1. With ``--direct`` the same scenario straight from the lab shows what the gateway is
for: that column is told and never fails. A client that cannot be installed is skipped with a word.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from strictwire.lab.arguments import COMMAND
from strictwire.lab.ask import Ask, Dialect, Tool
from strictwire.lab.scenarios import ALL_SCENARIOS, Scenario

from .claude_code import ClaudeCode
from .codex import Codex
from .npm import UnavailableError
from .opencode import OpenCode, OpenCodeResponses
from .turn import LAST_WORDS, PLAIN_PROMPT, TOOL_PROMPT, Turn

# The end-to-end tests know how to stand it all up; the folders of the tests are no packages.
TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))
sys.path.insert(0, str(TESTS / "e2e"))
from stand import UPSTREAMS, Stand  # noqa: E402 - its path comes first

# A turn takes 3 to 10 s on two cores. A client that a broken stream keeps asking for ever ends
# sooner: that column only tells.
TURN_TIMEOUT_S = 90.0
DIRECT_TIMEOUT_S = 25.0
# Over every upstream dialect: a plain turn, and one with a tool call.
PLAIN, TOOLS = "healthy-text", "healthy-tools"
# Chat streams that break clients, each in another way.
BROKEN_CHAT = (
    "quirky-everything",
    "localai",
    "tools-only-then-done",
    "tool-index-missing",
    "tool-id-repeated",
    "json-for-stream-tools",
)
# What an agent's own shell tool looks like, so that we know what a scenario would call.
SHELL = Tool("bash", {"properties": {"command": {"type": "string"}}, "required": ["command"]})


class Client(Protocol):
    name: str

    def turn(self, base_url: str, model: str, prompt: str, *, timeout_s: float) -> Turn: ...


# One row for each client; making one installs it, or raises UnavailableError.
CLIENTS: dict[str, Callable[[], Client]] = {
    "codex": Codex,
    "claude-code": ClaudeCode,
    "opencode": OpenCode,
    "opencode-responses": OpenCodeResponses,
}


@dataclass(frozen=True)
class Trial:
    """A scenario over an upstream that speaks one dialect. ``expected`` is what the client must
    say in the end; None where the server fails, and the client must tell an error."""

    upstream: Dialect
    scenario: str
    expected: str | None
    calls_tool: bool

    @property
    def prompt(self) -> str:
        return TOOL_PROMPT if self.calls_tool else PLAIN_PROMPT

    def problem(self, turn: Turn) -> str | None:
        if self.expected is not None:
            return turn.problem_with(self.expected, calls_tool=self.calls_tool)
        if turn.exit_code is None:
            return "did not end"
        return None if turn.errors else "told no error"


@dataclass(frozen=True)
class Row:
    client: str
    trial: Trial
    through: Turn
    direct: Turn | None


def main(arguments: list[str]) -> int:
    options = _options(arguments)
    trials = list(_trials(options))
    rows: list[Row] = []
    skipped: list[str] = []
    for name in options.client or CLIENTS:
        try:
            client = CLIENTS[name]()
        except UnavailableError as reason:
            skipped.append(f"{name}: skipped, {reason}")
            continue
        for row in _rows(client, trials, is_direct_too=options.direct):
            rows.append(row)
            told = _word(row.trial, row.through)
            print(f"  {row.client}, {row.trial.upstream}, {row.trial.scenario}: {told}", flush=True)
    _print_table(rows)
    for line in skipped:
        print(line)
    return 1 if any(row.trial.problem(row.through) for row in rows) else 0


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.clients", description=__doc__)
    parser.add_argument("--client", action="append", choices=CLIENTS, help="only this client")
    parser.add_argument(
        "--upstream", action="append", choices=UPSTREAMS, help="only this upstream dialect"
    )
    parser.add_argument(
        "--scenario", action="append", choices=ALL_SCENARIOS, metavar="NAME", help="only this one"
    )
    parser.add_argument("--all", action="store_true", help="every chat scenario that calls a tool")
    parser.add_argument("--direct", action="store_true", help="also straight from the server")
    return parser.parse_args(arguments)


def _trials(options: argparse.Namespace) -> Iterator[Trial]:
    for upstream in options.upstream or UPSTREAMS:
        names = [PLAIN, TOOLS, *_broken(upstream, is_all=options.all)]
        for name in names:
            if not options.scenario or name in options.scenario:
                yield _trial(ALL_SCENARIOS[name], upstream)


def _broken(upstream: Dialect, *, is_all: bool) -> list[str]:
    """The scenarios in which a server of this dialect streams badly."""
    if upstream == "chat" and not is_all:
        return list(BROKEN_CHAT)
    return [
        row.name
        for row in ALL_SCENARIOS.values()
        # Those that need a provider's settings are for the tests that make such providers.
        if not row.modes and (_calls_shell(row) if upstream == "chat" else row.only == upstream)
    ]


def _calls_shell(row: Scenario) -> bool:
    said = row.expect_for(_shell_ask("chat")).choices
    is_told = "chat" in row.dialects
    return is_told and any(COMMAND in call.arguments for one in said for call in one.calls)


def _shell_ask(upstream: Dialect) -> Ask:
    return Ask(model="lab", is_stream=True, tools=(SHELL,), dialect=upstream)


def _trial(row: Scenario, upstream: Dialect) -> Trial:
    expect = row.expect_for(_shell_ask(upstream))
    if expect.error is not None:
        return Trial(upstream, row.name, None, calls_tool=False)
    (said,) = expect.choices
    calls_tool = bool(said.calls)
    expected = LAST_WORDS if calls_tool else said.text or said.refusal
    return Trial(upstream, row.name, expected, calls_tool)


def _rows(client: Client, trials: list[Trial], *, is_direct_too: bool) -> Iterator[Row]:
    stand = Stand()
    stand.start()
    try:
        for trial in trials:
            model = f"{trial.upstream}/{trial.scenario}"
            url = stand.urls["dialects"]
            through = client.turn(url, model, trial.prompt, timeout_s=TURN_TIMEOUT_S)
            direct = None
            if is_direct_too:
                direct = client.turn(
                    stand.lab.url, trial.scenario, trial.prompt, timeout_s=DIRECT_TIMEOUT_S
                )
            yield Row(client.name, trial, through, direct)
    finally:
        stand.stop()


def _print_table(rows: list[Row]) -> None:
    cells = [("client", "upstream", "scenario", "through strictwire", "straight from the server")]
    for row in rows:
        direct = "-" if row.direct is None else _word(row.trial, row.direct)
        trial = row.trial
        told = _word(trial, row.through)
        cells.append((row.client, trial.upstream, trial.scenario, told, direct))
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    print()
    for line in cells:
        padded = (text.ljust(width) for text, width in zip(line, widths, strict=True))
        print("  ".join(padded).rstrip())


def _word(trial: Trial, turn: Turn) -> str:
    problem = trial.problem(turn)
    return f"ok, {turn.duration_s:.1f} s" if problem is None else f"FAILED: {problem}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
