"""What a client printed, read back; and which turns count as a success. No client is run."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from clients.opencode import read_events
from clients.turn import LAST_WORDS, ToolRun, Turn

GOOD = Turn(0, f"{LAST_WORDS}\n", (ToolRun("bash", "strictwire-lab\n", True),))


def event(kind: str, **fields: object) -> str:
    return json.dumps({"type": kind, "timestamp": 1, "sessionID": "ses_1", **fields})


def tool_use(status: str, **state: str) -> str:
    return event("tool_use", part={"tool": "bash", "state": {"status": status, **state}})


def test_a_whole_turn_is_read() -> None:
    lines = [
        event("step_start", part={}),
        tool_use("completed", output="strictwire-lab\n"),
        "not json",
        event("text", part={"text": f"{LAST_WORDS}\n"}),
        event("step_finish", part={"reason": "stop"}),
    ]
    assert read_events(lines, 0) == GOOD
    assert GOOD.problem is None


def test_an_error_event_is_read() -> None:
    told = event("error", error={"name": "APIError", "data": {"message": "Expected 'id'."}})
    turn = read_events([told], 0)
    assert turn.errors == ("Expected 'id'.",)
    assert turn.problem == "told an error: Expected 'id'."


def test_a_failed_tool_is_read() -> None:
    turn = read_events([tool_use("error", error="invalid arguments")], 0)
    assert turn.tools == (ToolRun("bash", "invalid arguments", False),)


def test_a_crash_tells_its_last_line() -> None:
    assert read_events([], 1, stderr="a\nTypeError: no\n").errors == ("TypeError: no",)


@pytest.mark.parametrize(
    ("turn", "problem"),
    [
        (replace(GOOD, exit_code=None), "did not end"),
        (replace(GOOD, exit_code=3), "exit code 3"),
        (replace(GOOD, tools=()), "the tool did not run"),
        (replace(GOOD, tools=(ToolRun("bash", "", True),)), "the tool did not run"),
        (
            replace(GOOD, tools=(*GOOD.tools, ToolRun("bash", "no", False))),
            "a tool call failed",
        ),
        (replace(GOOD, text=""), "an empty answer"),
        (replace(GOOD, text="Hello."), "the last words are 'Hello.'"),
    ],
)
def test_what_is_no_success(turn: Turn, problem: str) -> None:
    assert turn.problem == problem


def test_the_recipe_starts() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.clients", "--help"],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        timeout=25,
        check=False,
    )
    assert (done.returncode, b"--all" in done.stdout) == (0, True), done.stderr.decode()
