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
# What the lab's answer begins with once it was told what a tool said.
TOOL_SAID = "The tool said: "
# The whole of it, where that was its harmless command.
LAST_WORDS = f"{TOOL_SAID}{WORD}"
# How agents answer a call of a tool that they do not have: Codex, Claude Code, OpenCode.
UNKNOWN_TOOL = ("unsupported call", "No such tool", "unavailable tool")


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
        problem = self._problem_with_end()
        if problem is not None:
            return problem
        if calls_tool and not any(tool.is_completed and WORD in tool.output for tool in self.tools):
            return "the tool did not run"
        if not all(tool.is_completed for tool in self.tools):
            return "a tool call failed"
        count = self.text.count(expected)
        if count == 0:
            return f"the last words are {self.text[-60:]!r}" if self.text else "an empty answer"
        return None if count == 1 else f"the answer came {count} times"

    def problem_with_call(self) -> str | None:
        """The same for a call that runs no command: the client must have known the tool, and sent
        back what came of it, be it that the arguments were not to its liking."""
        problem = self._problem_with_end()
        if problem is not None:
            return problem
        if TOOL_SAID not in self.text:
            return "no word of a tool came back"
        said = self.text.partition(TOOL_SAID)[2]
        return f"it has no such tool: {said[:60]!r}" if _is_unknown(said) else None

    def problem_with_babble(self) -> str | None:
        """The same where nobody can know what it says: it must say or call something, and end."""
        problem = self._problem_with_end()
        is_empty = not self.text and not self.tools
        return "an empty answer" if problem is None and is_empty else problem

    def problem_with_failure(self) -> str | None:
        """The same where the answer failed: the client must end, and say so."""
        if self.exit_code is None:
            return "did not end"
        return None if self.errors else "told no error"

    def _problem_with_end(self) -> str | None:
        if self.exit_code is None:
            return "did not end"
        if self.errors:
            return f"told an error: {self.errors[0]}"
        return f"exit code {self.exit_code}" if self.exit_code else None


def _is_unknown(said: str) -> bool:
    return any(words in said for words in UNKNOWN_TOOL)
