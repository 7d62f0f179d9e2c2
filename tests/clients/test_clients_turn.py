"""What a client printed, read back; and which turns count as a success. No client is run."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from clients import claude_code, codex
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
    assert GOOD.problem_with() is None


def test_an_error_event_is_read() -> None:
    told = event("error", error={"name": "APIError", "data": {"message": "Expected 'id'."}})
    turn = read_events([told], 0)
    assert turn.errors == ("Expected 'id'.",)
    assert turn.problem_with() == "told an error: Expected 'id'."


def test_a_failed_tool_is_read() -> None:
    turn = read_events([tool_use("error", error="invalid arguments")], 0)
    assert turn.tools == (ToolRun("bash", "invalid arguments", False),)


def test_a_crash_tells_its_last_line() -> None:
    assert read_events([], 1, last_words="TypeError: no").errors == ("TypeError: no",)


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
        (replace(GOOD, text=LAST_WORDS * 2), "the answer came 2 times"),
    ],
)
def test_what_is_no_success(turn: Turn, problem: str) -> None:
    assert turn.problem_with() == problem


def test_a_plain_turn_runs_no_tool() -> None:
    turn = Turn(0, "Hello.")
    assert turn.problem_with("Hello.", calls_tool=False) is None
    assert turn.problem_with("Hello.") == "the tool did not run"


def test_codex_tells_items() -> None:
    command = {"type": "command_execution", "aggregated_output": "strictwire-lab\n",
               "exit_code": 0, "status": "completed"}  # fmt: skip
    lines = [
        event("thread.started", thread_id="t"),
        event("item.completed", item=command),
        event("item.completed", item={"type": "agent_message", "text": f"{LAST_WORDS}\n"}),
        event("turn.completed", usage={}),
    ]
    turn = codex.read_events(lines, 0)
    assert turn.problem_with() is None
    failed = [event("turn.failed", error={"message": "stream closed"})]
    assert codex.read_events(failed, 1).errors == ("stream closed",)


def test_claude_code_tells_messages() -> None:
    call = {"type": "tool_use", "id": "t1", "name": "Bash", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": "strictwire-lab"}
    lines = [
        event("assistant", message={"content": [call]}),
        event("user", message={"content": [result]}),
        event("assistant", message={"content": [{"type": "text", "text": LAST_WORDS}]}),
        event("result", subtype="success", is_error=False, result=LAST_WORDS),
    ]
    turn = claude_code.read_events(lines, 0)
    assert turn.problem_with() is None
    failed = [event("result", is_error=True, result="API Error: 500")]
    assert claude_code.read_events(failed, 1).errors == ("API Error: 500",)


def test_the_recipe_starts() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.clients", "--help"],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        timeout=25,
        check=False,
    )
    assert (done.returncode, b"--all" in done.stdout) == (0, True), done.stderr.decode()
