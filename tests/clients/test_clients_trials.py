"""Which trials there are, and how a turn of a real client is judged. No client is run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clients.trials import ENGINE, FINAL_ONLY, QUICK, Asked, Outcome, Trial, quick, trials
from clients.turn import LAST_WORDS, ToolRun, Turn

TRIALS = {(one.upstream, one.name): one for one in trials()}
SHELL_RUN = ToolRun("bash", "strictwire-lab\n", True)
ONCE = Asked()
FAILED = Turn(1, "", errors=("stream disconnected",))


def trial(upstream: str, name: str) -> Trial:
    return TRIALS[upstream, name]


@pytest.mark.parametrize("upstream", ["chat", "responses", "messages", FINAL_ONLY])
def test_every_upstream_has_a_plain_turn_and_one_with_a_tool(upstream: str) -> None:
    assert trial(upstream, "healthy-text").outcome == Outcome.ANSWER
    assert trial(upstream, "healthy-tools").outcome == Outcome.COMMAND_RUN


def test_a_scenario_says_what_can_be_expected() -> None:
    outcomes = {
        "responses-only-completed-tools": Outcome.COMMAND_RUN,
        "responses-bare-tool": Outcome.CALL_ANSWERED,
        "responses-namespaced-tool": Outcome.CALL_ANSWERED,
        "responses-incomplete": Outcome.FILTERED,
        "responses-failed": Outcome.FAILURE,
    }
    assert {name: trial("responses", name).outcome for name in outcomes} == outcomes


def test_a_quick_run_is_short_and_has_every_row_that_it_names() -> None:
    chosen = list(quick(iter(TRIALS.values())))
    assert {one.scenario for one in chosen} >= QUICK
    assert len(chosen) * 4 < len(TRIALS)


def test_the_engine_has_a_turn_in_every_run() -> None:
    """Of babble only its end is judged, and that there was some."""
    (babbled,) = (one for one in quick(trials()) if one.upstream == ENGINE)
    assert problem(babbled, Turn(0, "The weather in the tool says.")) is None
    assert problem(babbled, Turn(0, "", (ToolRun("get_weather", "no such tool", False),))) is None
    assert problem(babbled, Turn(0)) == "an empty answer"
    assert problem(babbled, Turn(None)) == "did not end"
    assert problem(babbled, FAILED) == "told an error: stream disconnected"


def problem(made: Trial, turn: Turn, asked: Asked = ONCE) -> str | None:
    return made.problem(turn, asked)


def test_an_answer_comes_once() -> None:
    plain = trial("chat", "healthy-text")
    assert problem(plain, Turn(0, plain.expected)) is None
    assert problem(plain, Turn(0, plain.expected * 2)) == "the answer came 2 times"


def test_a_command_must_have_run() -> None:
    tools = trial("chat", "healthy-tools")
    assert problem(tools, Turn(0, LAST_WORDS, (SHELL_RUN,))) is None
    assert problem(tools, Turn(0, LAST_WORDS)) == "the tool did not run"


def test_a_call_of_another_tool_must_have_been_known_and_answered() -> None:
    bare = trial("responses", "responses-bare-tool")
    assert problem(bare, Turn(0, "The tool said: Provide one of: message or items")) is None
    told = problem(bare, Turn(0, "The tool said: unsupported call: spawn_agent"))
    assert told == "it has no such tool: 'unsupported call: spawn_agent'"
    assert problem(bare, Turn(0, "")) == "no word of a tool came back"


def test_a_failure_must_be_told() -> None:
    broken = trial("responses", "responses-no-terminal")
    assert problem(broken, FAILED) is None
    assert problem(broken, Turn(0, broken.whole)) == "told no error"
    assert problem(broken, replace(FAILED, exit_code=None)) == "did not end"


def test_a_client_that_asks_again_and_again_has_understood() -> None:
    broken = trial("messages", "messages-error-529")
    stopped = Turn(None)
    assert problem(broken, stopped, Asked(3)) is None
    assert problem(broken, stopped) == "did not end"
    assert problem(trial("chat", "healthy-text"), stopped, Asked(3)) == "did not end"


def test_a_client_may_come_back_and_ask_for_one_object() -> None:
    """Claude Code does, where a stream broke off; that object may be healthy."""
    broken = trial("responses", "responses-no-terminal")
    assert problem(broken, Turn(0, broken.whole), Asked(2, was_whole=True)) is None
    twice = Turn(0, broken.whole * 2)
    assert problem(broken, twice, Asked(2, was_whole=True)) == "the answer came 2 times"
    hopeless = trial("messages", "messages-error-429")
    assert problem(hopeless, Turn(0, "Hello."), Asked(2, was_whole=True)) == "told no error"


def test_a_filter_may_be_told_as_an_error_or_not() -> None:
    cut = trial("responses", "responses-incomplete")
    assert problem(cut, FAILED) is None
    assert problem(cut, Turn(0, cut.expected)) is None
    assert problem(cut, Turn(0, "")) == "an empty answer"
