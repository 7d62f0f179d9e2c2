"""What the real clients are put through, and what each of them must make of it.

A trial is a scenario of the lab behind an upstream that speaks one dialect. What is to be expected
follows from the scenario's own table: its text, its call of a shell, its failure. Where a turn of
an agent can show no more than that a call arrived, no more is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import get_args

from strictwire.lab.arguments import COMMAND
from strictwire.lab.ask import Ask, Dialect, Tool
from strictwire.lab.scenarios import ALL_SCENARIOS, Expect, Scenario

from .turn import LAST_WORDS, PLAIN_PROMPT, TOOL_PROMPT, Turn

# A turn takes 1 to 10 s on two cores.
TURN_TIMEOUT_S = 90.0
# OpenCode asks again after a failure for more than a minute, and by then there is nothing to learn.
FAILURE_TIMEOUT_S = 25.0
# An agent's prompt is read in 5 s or 20, and babble that calls tools makes several turns of one.
ENGINE_TIMEOUT_S = 240.0
# Over every upstream dialect: a plain turn, and one with a tool call.
PLAIN, TOOLS = "healthy-text", "healthy-tools"
# Chat streams that break clients, each in another way.
BROKEN_CHAT = (
    "quirky-everything",
    "localai",
    "swiftlm-like",
    "foreign-frames",
    "tools-only-then-done",
    "tool-index-missing",
    "tool-id-repeated",
    "json-for-stream-tools",
)
# A choice of all of these for an impatient reader: what broke clients most often.
QUICK = frozenset(
    (
        PLAIN,
        TOOLS,
        "quirky-everything",
        "localai",
        "swiftlm-like",
        "responses-deltas-only",
        "responses-only-items-done",
        "responses-only-completed-tools",
        "responses-namespaced-tool",
        "responses-no-terminal",
        "messages-no-start",
        "messages-tool-input-in-start",
        "messages-no-terminal",
    )
)
PROGRESS_HEADER = "X-Strictwire-Prefill-Progress"
# Prefill progress that was asked for by the carrier that is safe with every client.
ASKED_PROGRESS = ("prefill-progress", "progress-event")
# Behind the lab's proxy that tells no deltas; every answer comes in finished items alone.
FINAL_ONLY = "final-only"
FINAL_ONLY_ROWS = (PLAIN, TOOLS, "healthy-reasoning-tools", "responses-failed")

# The embedded engine, with the model that comes along.
ENGINE = "engine"
DEMO_MODEL = "tiny-demo"

# What an agent's tools look like, so that we know what a scenario would call: one for commands, one
# that needs nothing, one that stands in a namespace.
SHELL = Tool("bash", {"properties": {"command": {"type": "string"}}, "required": ["command"]})
AGENTS_TOOLS = (
    SHELL,
    Tool("get_goal", {}),
    Tool("close_agent", {"properties": {"target": {}}, "required": ["target"]}, namespace="agents"),
)


class Outcome(Enum):
    """What the turn must come to."""

    ANSWER = auto()
    COMMAND_RUN = auto()
    CALL_ANSWERED = auto()
    # Cut off by a content filter: clients tell that in a way of their own, most as an error.
    FILTERED = auto()
    FAILURE = auto()
    # The demonstration model babbles, and may call what is not there.
    BABBLED = auto()


@dataclass(frozen=True)
class Asked:
    """What the server saw of a turn: how often it was asked, and whether once for one object."""

    times: int = 1
    was_whole: bool = False


@dataclass(frozen=True)
class Trial:
    """A scenario over ``upstream``, which is a provider of the stand. ``expected`` is what the
    client must say in the end. ``whole`` is what it may say in the end where its stream fails and
    it asks again without one, "" where that fails too."""

    upstream: str
    scenario: str
    outcome: Outcome
    expected: str = ""
    whole: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.scenario}, progress asked" if self.headers else self.scenario

    @property
    def model(self) -> str:
        return f"{self.upstream}/{self.scenario}"

    @property
    def prompt(self) -> str:
        is_call = self.outcome in (Outcome.COMMAND_RUN, Outcome.CALL_ANSWERED)
        return TOOL_PROMPT if is_call else PLAIN_PROMPT

    @property
    def patience_s(self) -> float:
        """How long the turn may take."""
        if self.upstream == ENGINE:
            return ENGINE_TIMEOUT_S
        return FAILURE_TIMEOUT_S if self.outcome == Outcome.FAILURE else TURN_TIMEOUT_S

    def problem(self, turn: Turn, asked: Asked) -> str | None:
        """None where the turn is as it must be."""
        match self.outcome:
            case Outcome.ANSWER:
                return turn.problem_with(self.expected, calls_tool=False)
            case Outcome.COMMAND_RUN:
                return turn.problem_with(self.expected)
            case Outcome.CALL_ANSWERED:
                return turn.problem_with_call()
            case Outcome.FILTERED if turn.errors and turn.exit_code is not None:
                return None
            case Outcome.FILTERED:
                return turn.problem_with(self.expected, calls_tool=False)
            case Outcome.FAILURE if turn.exit_code is None and asked.times > 1:
                return None  # it has understood, and goes on asking for longer than we wait
            case Outcome.FAILURE if asked.was_whole and self.whole and not turn.errors:
                return turn.problem_with(self.whole, calls_tool=False)
            case Outcome.FAILURE:
                return turn.problem_with_failure()
            case Outcome.BABBLED:
                return turn.problem_with_babble()


def trials(upstreams: tuple[str, ...] = (), *, is_all: bool = False) -> Iterator[Trial]:
    """Every trial over these upstreams, or over every one. ``is_all``: of chat too every scenario
    that runs a command, and not only those that break clients most."""
    for upstream in upstreams or (*get_args(Dialect), FINAL_ONLY, ENGINE):
        match upstream:
            case "chat":
                broken = _commands_of_chat() if is_all else BROKEN_CHAT
                yield from _plain_trials("chat", dict.fromkeys((PLAIN, TOOLS, *broken)))
                yield from map(_progress_trial, ASKED_PROGRESS)
            case "responses" | "messages":
                yield from _plain_trials(upstream, (PLAIN, TOOLS, *_own_scenarios(upstream)))
            case _ if upstream == FINAL_ONLY:
                for name in FINAL_ONLY_ROWS:
                    yield _trial(FINAL_ONLY, ALL_SCENARIOS[name], "responses")
            case _ if upstream == ENGINE:
                yield Trial(ENGINE, DEMO_MODEL, Outcome.BABBLED)


def quick(found: Iterator[Trial]) -> Iterator[Trial]:
    return (one for one in found if one.scenario in QUICK or one.headers or one.upstream == ENGINE)


def _plain_trials(upstream: Dialect, names: Iterable[str]) -> Iterator[Trial]:
    for name in names:
        yield _trial(upstream, ALL_SCENARIOS[name], upstream)


def _progress_trial(name: str) -> Trial:
    headers = {PROGRESS_HEADER: "comment"}
    return _trial("chat", ALL_SCENARIOS[name], "chat", headers=headers)


def _own_scenarios(upstream: Dialect) -> tuple[str, ...]:
    """Those in which a server of this dialect streams badly. Those that need a provider's settings
    are for the tests that make such providers."""
    rows = ALL_SCENARIOS.values()
    return tuple(row.name for row in rows if not row.modes and row.only == upstream)


def _commands_of_chat() -> tuple[str, ...]:
    rows = [row for row in ALL_SCENARIOS.values() if not row.modes and "chat" in row.dialects]
    return tuple(row.name for row in rows if _runs_command(row.expect_for(_ask("chat"))))


def _runs_command(expect: Expect) -> bool:
    calls = [call for choice in expect.choices for call in choice.calls]
    return any(COMMAND in call.arguments for call in calls)


def _ask(upstream: Dialect, *, is_stream: bool = True) -> Ask:
    return Ask(model="lab", is_stream=is_stream, tools=AGENTS_TOOLS, dialect=upstream)


def _trial(
    upstream: str, row: Scenario, dialect: Dialect, *, headers: Mapping[str, str] | None = None
) -> Trial:
    expect = row.expect_for(_ask(dialect))
    outcome, expected, whole = _outcome(expect), "", ""
    if outcome == Outcome.FAILURE:
        told = row.expect_for(_ask(dialect, is_stream=False))
        whole = "" if told.error is not None else told.choices[0].text
    elif outcome == Outcome.COMMAND_RUN:
        expected = LAST_WORDS
    else:
        expected = expect.choices[0].text or expect.choices[0].refusal
    return Trial(upstream, row.name, outcome, expected, whole, headers or {})


def _outcome(expect: Expect) -> Outcome:
    if expect.error is not None:
        return Outcome.FAILURE
    (said,) = expect.choices
    if said.calls:
        return Outcome.COMMAND_RUN if _runs_command(expect) else Outcome.CALL_ANSWERED
    return Outcome.FILTERED if said.finish_reason == "content_filter" else Outcome.ANSWER
