"""What one command-line client made of one turn, and whether that is right.

The lab's scenarios call a tool that runs a harmless command; the client runs it and sends the
output back; the lab repeats it in its last words. So the last text proves the whole way: the call
arrived whole, the tool ran, its output came back under the right call id.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from strictwire.lab.arguments import WORD

TOOL_PROMPT = "Run the tool, then tell me what it said."
PLAIN_PROMPT = "Say hello."
# The lab's answer once it has seen the output of its harmless command.
LAST_WORDS = f"The tool said: {WORD}"


@dataclass(frozen=True)
class ToolRun:
    """A tool that the client ran, and what came of it."""

    name: str
    output: str
    is_completed: bool


@dataclass(frozen=True)
class Turn:
    """``exit_code`` None: it did not end in time and was stopped."""

    exit_code: int | None
    text: str = ""
    tools: tuple[ToolRun, ...] = ()
    errors: tuple[str, ...] = field(default=())
    duration_s: float = 0.0

    def problem_with(self, expected: str = LAST_WORDS, *, calls_tool: bool = True) -> str | None:
        """Why this turn is no success, in a few words; None where it is one. ``expected`` must be
        among its words, and the tool must have run, or no tool at all."""
        if self.exit_code is None:
            return "did not end"
        if self.errors:
            return f"told an error: {self.errors[0]}"
        if self.exit_code != 0:
            return f"exit code {self.exit_code}"
        if calls_tool and not any(tool.is_completed and WORD in tool.output for tool in self.tools):
            return "the tool did not run"
        if not all(tool.is_completed for tool in self.tools):
            return "a tool call failed"
        count = self.text.count(expected)
        if count == 0:
            return f"the last words are {self.text[-60:]!r}" if self.text else "an empty answer"
        return None if count == 1 else f"the answer came {count} times"
