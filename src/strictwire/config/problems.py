"""What is wrong with a settings file or a command line, as data that prints as one clear line.

Contract: a ``Problem`` never holds a value that may be a secret, only names, places and what was
expected. ``SettingsError`` carries all problems of one reading, in the order of the file.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from strictwire.model.errors import StrictwireError

# Hints list the known names only where that still makes a line that people read.
MAX_LISTED_NAMES = 12


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend. ``line`` and ``column`` count from 1; 0 where there is no file.

    ``path`` is the setting's place (``providers[0].base_url``) or the flag (``--port``).
    """

    line: int
    column: int
    path: str
    message: str
    hint: str = ""
    source: str = ""

    def __str__(self) -> str:
        place = self.source
        if self.line:
            place += f":{self.line}:{self.column}"
        text = ": ".join(part for part in (place, self.path, self.message) if part)
        return f"{text} (hint: {self.hint})" if self.hint else text


class SettingsError(StrictwireError):
    """The settings cannot be used; ``problems`` holds every reason, never only the first."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = sorted(problems, key=lambda problem: (problem.line, problem.column))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def hint_for_name(name: str, known: Collection[str]) -> str:
    """The nearest known name as a question, or the known names where they are few."""
    near = difflib.get_close_matches(name.lower().replace("-", "_"), _comparable(known), n=1)
    if near:
        return f"did you mean {_comparable(known)[near[0]]}?"
    if len(known) <= MAX_LISTED_NAMES and known:
        return f"known here: {', '.join(sorted(known))}"
    return ""


def _comparable(known: Collection[str]) -> dict[str, str]:
    return {name.lower().replace("-", "_"): name for name in sorted(known)}
